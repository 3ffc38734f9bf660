import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { type ScheduledEntry, scheduledEntries } from '../../configuration/periodicities.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import { calendarEvents } from './calendar-event-text.ts';
import { jobRunCommand, type OwnCommand, serverCommand } from './own-command.ts';
import { sandboxLines, sandboxNeeds } from './sandbox.ts';
import { PUBLIC_STATUS_FILE } from '../status/read-status-file.ts';
import { unitCommand, unitDescription, unitSpan, unitText, unitWord } from './unit-text.ts';

/** A file for a directory of systemd. */
export interface UnitFile {
  readonly name: string;
  readonly text: string;
}

export interface UnitSettings extends OwnCommand {
  readonly configuration: Configuration;
  /** The manager of a user, who may not take rights away and has no network target. */
  readonly isUser: boolean;
  readonly stateDirectory: string;
  readonly cacheDirectory: string;
  /** Directories that may be written besides those that follow from the jobs. */
  readonly writable: readonly string[];
  /** `LoadCredential=`: `NAME` (from the credential store) or `NAME:/path`. */
  readonly credentials: readonly string[];
  /** More variables; nothing secret, because everybody can read units. */
  readonly environment: Readonly<Record<string, string>>;
  /** The machine does not go to sleep meanwhile. */
  readonly inhibitsSleep: boolean;
  /** What schedules without a zone mean. */
  readonly timeZone: string;
}

type Lines = readonly (readonly [key: string, value: string])[];

/** The first line of everything that is generated: what has it may be overwritten and removed. */
export const unitMark =
  'Made by "holdfast systemd"; changes are lost. Put them into a drop-in: systemctl edit NAME';

/**
 * A service and a timer for everything that jobs do by themselves. Jobs without a schedule get a service alone, which `systemctl start` runs.
 *
 * @throws AppError `job/missing` for a name that is unknown, `input/invalid` for a schedule that a timer cannot keep
 */
export function jobUnits(
  settings: UnitSettings,
  names: readonly string[] = [],
): readonly UnitFile[] {
  const { configuration } = settings;
  for (const name of names)
    if (!configuration.jobs.some((job) => job.name === name)) throw missing(name, configuration);
  const jobs = configuration.jobs.filter(({ name, enabled }) =>
    names.length === 0 ? enabled !== false : names.includes(name),
  );
  const { entries, problems } = scheduledEntries({ ...configuration, jobs }, settings.timeZone);
  if (problems[0] !== undefined) throw problems[0];
  return jobs.flatMap((job) =>
    unitsOf(
      job,
      entries.filter((entry) => entry.job === job),
      settings,
    ),
  );
}

/** The service that runs all jobs at their time. */
export function serverUnit(settings: UnitSettings): UnitFile {
  const { configuration, isUser } = settings;
  const needs = sandboxNeeds(configuration.jobs, configuration);
  const text = unitText(
    [unitMark],
    [
      {
        name: 'Unit',
        lines: [
          ['Description', 'Holdfast: backups at their time'],
          ...(isUser
            ? []
            : ([
                ['Wants', 'network-online.target'],
                [
                  'After',
                  'network-online.target postgresql.service mariadb.service docker.service podman.socket',
                ],
              ] as const)),
        ],
      },
      {
        name: 'Service',
        lines: [
          ['Type', 'notify'],
          ['NotifyAccess', 'all'],
          ['ExecStart', unitCommand(serverCommand(settings))],
          ['ExecReload', '/bin/kill -HUP $MAINPID'],
          ['Restart', 'on-failure'],
          ['RestartSec', '10s'],
          ['', 'A broken configuration does not mend itself.'],
          ['RestartPreventExitStatus', '2'],
          ['', 'After a crash it first starts what it had stopped.'],
          ['TimeoutStartSec', '15min'],
          ['WatchdogSec', '10min'],
          ['KillMode', 'mixed'],
          ['TimeoutStopSec', '2min'],
          ...environmentLines(settings),
          ...(isUser ? userLines : sandboxLines(needs, settings, { isServer: true })),
        ],
      },
      { name: 'Install', lines: [['WantedBy', isUser ? 'default.target' : 'multi-user.target']] },
    ],
  );
  return { name: 'holdfast.service', text };
}

function unitsOf(
  job: Job,
  entries: readonly ScheduledEntry[],
  settings: UnitSettings,
): readonly UnitFile[] {
  const activities = [...new Set([job.kind, ...entries.map(({ activity }) => activity)])];
  return activities.flatMap((activity) => {
    // No job has an at sign in its name.
    const name = (number: number): string =>
      `holdfast${activity === job.kind ? '' : `-${activity}`}${number === 1 ? '' : `-${number}`}@${job.name}`;
    const title = activity === job.kind ? job.name : `${job.name}, ${activity}`;
    const timers = entries.filter((entry) => entry.activity === activity);
    return [
      { name: `${name(1)}.service`, text: jobService(job, activity, title, settings) },
      ...timers.map((entry, index) => ({
        name: `${name(index + 1)}.timer`,
        text: jobTimer(entry, title, `${name(1)}.service`),
      })),
    ];
  });
}

function jobService(
  job: Job,
  activity: ScheduledEntry['activity'],
  title: string,
  settings: UnitSettings,
): string {
  const { configuration, isUser, inhibitsSleep } = settings;
  const { conditions, resources } = job;
  const command = jobRunCommand(settings, job, activity);
  const inhibited = [
    '/usr/bin/systemd-inhibit',
    '--what=sleep:shutdown',
    '--who=Holdfast',
    `--why=${title}`,
    '--mode=block',
    ...command,
  ];
  return unitText(
    [unitMark],
    [
      {
        name: 'Unit',
        lines: [
          ['Description', unitDescription(`Holdfast: ${job.description ?? title}`)],
          ...(isUser
            ? []
            : ([
                ['Wants', 'network-online.target'],
                ['After', 'network-online.target'],
              ] as const)),
          ...(conditions?.battery === 'never' ? ([['ConditionACPower', 'true']] as const) : []),
        ],
      },
      {
        name: 'Service',
        lines: [
          ['Type', 'oneshot'],
          ['ExecStart', unitCommand(inhibitsSleep ? inhibited : command)],
          ['', 'With warnings, or skipped on purpose.'],
          ['SuccessExitStatus', '3 75'],
          ['TimeoutStartSec', 'infinity'],
          ['KillMode', 'mixed'],
          ['TimeoutStopSec', '2min'],
          ['Nice', String(resources?.nice ?? 10)],
          ['IOSchedulingClass', resources?.ioClass ?? 'best-effort'],
          ...(resources?.ioClass === 'idle' ? [] : ([['IOSchedulingPriority', '7']] as const)),
          ...environmentLines(settings),
          ...(isUser
            ? userLines
            : sandboxLines(sandboxNeeds([job], configuration), settings, { isServer: false })),
        ],
      },
    ],
  );
}

function jobTimer({ schedule, job }: ScheduledEntry, title: string, service: string): string {
  const { expression, timeZone, jitter, blackout, minimumGap, missed } = schedule;
  if (expression === undefined) throw new TypeError('Nothing is scheduled');
  if (blackout.length > 0) throw inexpressible(job, 'a timer of systemd keeps no blackout windows');
  if (minimumGap > 0) throw inexpressible(job, 'a timer of systemd keeps no minimum gap');
  const times: Lines =
    expression.kind === 'interval'
      ? [
          ['OnActiveSec', unitSpan(expression.milliseconds)],
          ['OnBootSec', unitSpan(Math.min(expression.milliseconds, 900_000))],
          ['OnUnitActiveSec', unitSpan(expression.milliseconds)],
        ]
      : eventsOf(job, () => calendarEvents(expression.rule, expression.timeZone ?? timeZone)).map(
          (event) => ['OnCalendar', event] as const,
        );
  return unitText(
    [unitMark],
    [
      {
        name: 'Unit',
        lines: [['Description', unitDescription(`Holdfast: when ${title} runs`)]],
      },
      {
        name: 'Timer',
        lines: [
          ...times,
          ['AccuracySec', '1s'],
          ...(jitter > 0
            ? ([
                ['RandomizedDelaySec', unitSpan(jitter)],
                ['FixedRandomDelay', 'yes'],
              ] as const)
            : []),
          ...(expression.kind === 'calendar' && missed !== 'skip'
            ? ([['Persistent', 'true']] as const)
            : []),
          ['Unit', service],
        ],
      },
      { name: 'Install', lines: [['WantedBy', 'timers.target']] },
    ],
  );
}

const userLines: Lines = [
  ['NoNewPrivileges', 'yes'],
  ['LockPersonality', 'yes'],
  ['UMask', '0077'],
];

function environmentLines(settings: UnitSettings): Lines {
  const { isUser, stateDirectory, cacheDirectory, credentials, environment } = settings;
  return [
    ...(isUser
      ? []
      : ([
          ['Environment', unitWord(`HOLDFAST_STATE_DIR=${stateDirectory}`)],
          ['Environment', unitWord(`HOLDFAST_CACHE_DIR=${cacheDirectory}`)],
          ['Environment', `HOLDFAST_STATUS_FILE=${PUBLIC_STATUS_FILE}`],
          ['EnvironmentFile', '-/etc/default/holdfast'],
        ] as const)),
    ...Object.entries(environment).map(
      ([name, value]) => ['Environment', unitWord(`${name}=${value}`)] as const,
    ),
    ...credentials.map((credential) => ['LoadCredential', unitWord(credential)] as const),
  ];
}

function eventsOf(job: Job, events: () => readonly string[]): readonly string[] {
  try {
    return events();
  } catch (error) {
    if (!hasCode(error, 'input/invalid')) throw error;
    throw inexpressible(job, error.message);
  }
}

function missing(name: string, { jobs }: Configuration): AppError {
  const nearest = didYouMean(
    name,
    jobs.map((job) => job.name),
  );
  return new AppError('job/missing', `There is no job "${name}"`, {
    ...(nearest !== undefined && { hint: `Did you mean "${nearest}"?` }),
  });
}

function inexpressible({ name }: Job, reason: string): AppError {
  return new AppError(
    'input/invalid',
    `The schedule of the job "${name}" cannot be a timer: ${reason}`,
    {
      hint: 'Let the server run it: holdfast systemd install --server',
    },
  );
}
