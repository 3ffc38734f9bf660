import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import type { Activity } from '../../model/job.ts';
import { charmUrl, type CharmFiles } from './charm-destination.ts';
import { type CharmValues, isCharmOption } from './charm-options.ts';

/** A parameter of an action, as `actions.yaml` declares it. */
export interface CharmParameter {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
  readonly required?: true;
  readonly choices?: readonly string[];
  readonly minimum?: number;
}

/** An action of the charm: what `juju run-action` and `holdfast run-action` offer. */
export interface CharmAction {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly CharmParameter[];
  /** What it counts as in the history; missing for those that only look. */
  readonly activity?: Activity;
}

const time: CharmParameter = {
  name: 'time',
  type: 'string',
  description: 'A time as duplicity takes it: now, 2026-09-30T13:31:15+00:00, 1665058250, 3D4H.',
};
const count: CharmParameter = {
  name: 'count',
  type: 'integer',
  minimum: 1,
  required: true,
  description: 'How many; 1 means the newest chain only.',
};

export const charmActions: readonly CharmAction[] = [
  {
    name: 'do-backup',
    description:
      'Back up as the options say. Options may be given as parameters, for this time only.',
    activity: 'backup',
    parameters: [
      {
        name: 'type',
        type: 'string',
        choices: ['full', 'incremental'],
        description: 'full or incremental, instead of what backup_type says.',
      },
    ],
  },
  {
    name: 'restore',
    description: 'Restore the newest backup, or that of a time, or a part of it.',
    activity: 'restore',
    parameters: [
      {
        name: 'target',
        type: 'string',
        required: true,
        description: 'The directory to restore into; new or empty unless force is true.',
      },
      {
        name: 'path',
        type: 'string',
        description: 'What to restore, relative to the directory that was backed up.',
      },
      time,
      { name: 'force', type: 'boolean', description: 'Write over what is there.' },
    ],
  },
  {
    name: 'verify',
    description:
      'Read the backup and compare it with the checksums saved when it was made and with the directory.',
    activity: 'check',
    parameters: [
      time,
      {
        name: 'compare-data',
        type: 'boolean',
        description: 'Compare content, not only what is told of it.',
      },
    ],
  },
  {
    name: 'list-current-files',
    description: 'List the files of the newest backup.',
    parameters: [time],
  },
  {
    name: 'collection-status',
    description: 'Show the chains and sets that are there.',
    parameters: [],
  },
  {
    name: 'cleanup',
    description: 'Delete files of sets that are not complete.',
    activity: 'retention',
    parameters: [],
  },
  {
    name: 'remove-older-than',
    description: 'Delete sets older than a time.',
    activity: 'retention',
    parameters: [{ ...time, required: true }],
  },
  {
    name: 'remove-all-but-n-full',
    description: 'Keep the newest full backups and what builds upon them, delete the others.',
    activity: 'retention',
    parameters: [count],
  },
  {
    name: 'remove-all-inc-of-but-n-full',
    description: 'Delete incremental sets of all but the newest full backups.',
    activity: 'retention',
    parameters: [count],
  },
];

/** @throws AppError `input/usage` with the nearest name */
export function charmAction(name: string): CharmAction {
  const action = charmActions.find((one) => one.name === name);
  if (action !== undefined) return action;
  const names = charmActions.map((one) => one.name);
  const nearest = didYouMean(name, names);
  throw new AppError('input/usage', `Action "${name}" is undefined`, {
    hint: nearest === undefined ? `Actions are ${names.join(', ')}` : `Did you mean "${nearest}"?`,
  });
}

/** Words `name=value` of an action: its own parameters, and options that are overridden. */
export interface CharmArguments {
  readonly parameters: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
}

/** @throws AppError `input/usage` for what the action does not take, for what is missing or makes no sense */
export function readCharmArguments(
  action: CharmAction,
  given: Readonly<Record<string, string>>,
): CharmArguments {
  const parameters: Record<string, string> = {};
  const overrides: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const parameter = action.parameters.find((one) => one.name === name);
    if (parameter === undefined) {
      if (!isCharmOption(name)) throw unknownParameter(action, name);
      overrides[name] = value;
    } else {
      checkValue(parameter, value);
      parameters[name] = value;
    }
  }
  for (const { name, required } of action.parameters) {
    if (required !== true || parameters[name] !== undefined) continue;
    throw new AppError('input/usage', `The action "${action.name}" needs "${name}"`, {
      hint: `Write ${name}=VALUE`,
    });
  }
  return { parameters, overrides };
}

function checkValue({ name, type, minimum, choices }: CharmParameter, value: string): void {
  if (choices !== undefined && !choices.includes(value)) {
    throw new AppError('input/usage', `"${name}" is ${choices.join(' or ')}, not "${value}"`);
  }
  if (type === 'boolean' && !/^(?:true|false)$/iu.test(value)) {
    throw new AppError('input/usage', `"${name}" is true or false, not "${value}"`);
  }
  if (type !== 'integer') return;
  if (/^\d{1,9}$/u.test(value) && Number(value) >= (minimum ?? 0)) return;
  throw new AppError(
    'input/usage',
    `"${name}" is a whole number from ${minimum ?? 0}, not "${value}"`,
  );
}

function unknownParameter(action: CharmAction, name: string): AppError {
  const own = action.parameters.map((one) => one.name);
  const nearest = didYouMean(name, own);
  return new AppError('input/usage', `The action "${action.name}" knows no "${name}"`, {
    hint:
      nearest === undefined
        ? `It takes ${own.length === 0 ? 'options' : `${own.join(', ')} and options`} of the charm`
        : `Did you mean "${nearest}"?`,
  });
}

/**
 * The command line of duplicity's that an action stands for. Nothing secret is in it.
 *
 * @param values the options, with what was overridden
 * @throws AppError `input/invalid`
 */
export function charmCommand(
  action: CharmAction,
  { parameters }: CharmArguments,
  values: CharmValues,
  unit: string,
  files: CharmFiles,
): string[] {
  const url = charmUrl(values, unit);
  const source = String(values['aux_backup_directory']);
  const timeOption = parameters['time'] === undefined ? [] : ['--time', parameters['time']];
  const options = commonOptions(values, files);
  switch (action.name) {
    case 'do-backup':
      return [
        ...backupKind(parameters['type'] ?? String(values['backup_type'])),
        ...options,
        ...ageOption(values),
        source,
        url,
      ];
    case 'restore':
      return [
        'restore',
        ...options,
        ...timeOption,
        ...(parameters['path'] === undefined ? [] : ['--file-to-restore', parameters['path']]),
        ...(isTrue(parameters['force']) ? ['--force'] : []),
        url,
        parameters['target']!,
      ];
    case 'verify':
      return [
        'verify',
        ...options,
        ...timeOption,
        ...(isTrue(parameters['compare-data']) ? ['--compare-data'] : []),
        url,
        source,
      ];
    case 'remove-older-than':
      return [action.name, parameters['time']!, '--force', ...options, url];
    case 'remove-all-but-n-full':
    case 'remove-all-inc-of-but-n-full':
      return [action.name, parameters['count']!, '--force', ...options, url];
    case 'cleanup':
      return [action.name, '--force', ...options, url];
    default:
      return [action.name, ...options, ...timeOption, url];
  }
}

/** The first incremental backup is a full one, as with duplicity without a command. */
const backupKind = (type: string): string[] => (type === 'full' ? ['full'] : []);

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === 'true';

function ageOption(values: CharmValues): string[] {
  const age = String(values['full_if_older_than']);
  return values['backup_type'] === 'full' || age === '' ? [] : ['--full-if-older-than', age];
}

function commonOptions(values: CharmValues, { privateKey, knownHosts }: CharmFiles): string[] {
  const options: string[] = [];
  if (['scp', 'sftp', 'ssh'].includes(String(values['backend']).toLowerCase())) {
    if (privateKey !== undefined) options.push(`--ssh-options=-oIdentityFile="${privateKey}"`);
    if (knownHosts !== undefined)
      options.push(`--ssh-options=-oUserKnownHostsFile="${knownHosts}"`);
  }
  if (values['disable_encryption'] === true) options.push('--no-encryption');
  else if (values['gpg_public_key'] !== '')
    options.push('--encrypt-key', String(values['gpg_public_key']));
  return options;
}
