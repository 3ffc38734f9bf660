import type { ActivityHistory, OutboxEntry } from '../../catalog/catalog.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Activity, Job, NoticeEvent, NotifyRule } from '../../model/job.ts';
import type { Report } from '../../model/report.ts';
import type { Run, StepRecord } from '../../model/run.ts';
import { mainActivityOf } from '../../model/schedule/schedule-entries.ts';
import { defaultEventsOf, isPing } from '../../notify/channel-type.ts';
import { toneOf } from '../../notify/report-tone.ts';
import { withOutput } from '../../notify/with-output.ts';
import { nextDigestTime } from './digest-time.ts';
import { reportTitle } from './report-title.ts';

/** What has to be known to tell about a job. */
export interface TellingContext {
  readonly configuration: Pick<Configuration, 'channels' | 'settings'>;
  /** Fully qualified name of this host. */
  readonly host: string;
  /** In which times are shown. */
  readonly timeZone: string;
  readonly now: number;
  /** Of this job, as they were before the run ended. */
  readonly histories: readonly ActivityHistory[];
  readonly nextRun?: number | undefined;
  /** The name of the schedule that ran it. */
  readonly periodicity?: string | undefined;
  /** Whether the dead-man alarm of the job is on: then a success is a recovery. */
  readonly alarmed?: boolean;
}

/**
 * What is told about a run that is over, and to whom; goes into the outbox with the end of the run. Reports have the same id whenever they are made from the same run.
 */
export function reportsOf(
  run: Run,
  job: Pick<Job, 'name' | 'kind' | 'notify'>,
  context: TellingContext,
): readonly OutboxEntry[] {
  return entriesFor(eventsOf(run, context), run, job, run.activity, context);
}

/** What is told when a run begins: mostly for monitors that measure time. */
export function startReportsOf(
  run: Run,
  job: Pick<Job, 'name' | 'kind' | 'notify'>,
  context: TellingContext,
): readonly OutboxEntry[] {
  return entriesFor(['started'], run, job, run.activity, context);
}

/**
 * What is told when a job has had no success for too long.
 *
 * @param due since when; each such time is told once
 */
export function missedReportsOf(
  job: Pick<Job, 'name' | 'kind' | 'notify'>,
  due: number,
  context: TellingContext,
): readonly OutboxEntry[] {
  const run = context.histories.find(({ activity }) => activity === mainActivityOf(job))?.lastRun;
  return entriesFor(['missed'], run, job, mainActivityOf(job), context, due);
}

/** The events that a run that is over is an instance of; the first that somebody wants is what he is told. */
function eventsOf(run: Run, { histories, alarmed = false }: TellingContext): NoticeEvent[] {
  const drill: NoticeEvent[] = run.activity === 'drill' ? ['drill'] : [];
  switch (run.state) {
    case 'queued':
    case 'running':
      return [];
    case 'failed':
    case 'broken':
      return ['failed', ...drill];
    case 'skipped':
    case 'cancelled':
      return ['skipped'];
    case 'succeeded':
    case 'warned': {
      const before = histories.find(({ activity }) => activity === run.activity);
      const isRecovery = alarmed || (before?.failuresInARow ?? 0) > 0;
      return [...(isRecovery ? (['recovered'] as const) : []), ...drill, run.state];
    }
  }
}

/** Done by the way: their success is no news. */
const sideActivities: ReadonlySet<Activity> = new Set(['retention', 'check']);

function entriesFor(
  events: readonly NoticeEvent[],
  run: Run | undefined,
  job: Pick<Job, 'name' | 'kind' | 'notify'>,
  activity: Activity,
  context: TellingContext,
  due?: number,
): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  for (const [channel, rules] of rulesByChannel(job, context.configuration)) {
    const settings = context.configuration.channels[channel];
    if (settings === undefined || settings.enabled === false) continue;
    const event = events.find((each) => isWanted(each, run, activity, rules, settings, job));
    if (event === undefined) continue;
    const report = withoutPrivate(reportFor(event, run, job, activity, context, due), settings);
    entries.push(...timedEntries(channel, settings, report, context));
  }
  return entries;
}

function rulesByChannel(
  job: Pick<Job, 'notify'>,
  { channels, settings }: TellingContext['configuration'],
): Map<string, readonly NotifyRule[]> {
  const rules =
    job.notify ?? settings.notify ?? Object.keys(channels).map((channel) => ({ channel }));
  return Map.groupBy(rules, ({ channel }) => channel);
}

function isWanted(
  event: NoticeEvent,
  run: Run | undefined,
  activity: Activity,
  rules: readonly NotifyRule[],
  settings: ChannelSettings,
  job: Pick<Job, 'kind'>,
): boolean {
  return rules.some((rule) => {
    if (!(rule.on ?? defaultEventsOf(settings)).includes(event)) return false;
    if (rule.activities !== undefined) return rule.activities.includes(activity);
    // A monitor watches the job itself: a clean-up is no sign of life.
    if (isPing(settings)) return activity === mainActivityOf(job);
    return !sideActivities.has(activity) || event === 'recovered' || isBad(event, run);
  });
}

function isBad(event: NoticeEvent, run: Run | undefined): boolean {
  const tone = toneOf({ event, ...(run !== undefined && { run }) });
  return tone === 'bad' || tone === 'warning';
}

function reportFor(
  event: NoticeEvent,
  run: Run | undefined,
  job: Pick<Job, 'name' | 'kind'>,
  activity: Activity,
  context: TellingContext,
  due: number | undefined,
): Report {
  const { host, timeZone, now, nextRun, periodicity } = context;
  const lastSuccess = lastSuccessOf(mainActivityOf(job), run, context);
  const lastProvenRestorable = lastSuccessOf('drill', run, context);
  return {
    id: `${event === 'missed' ? `${job.name}-${String(due ?? now)}` : (run?.id ?? job.name)}-${event}`,
    event,
    job: job.name,
    host,
    at: (event === 'started' ? run?.startedAt : event === 'missed' ? now : run?.finishedAt) ?? now,
    timeZone,
    title: reportTitle(job.name, event, activity, run?.state),
    ...(run !== undefined && { run }),
    ...(periodicity !== undefined && { periodicity }),
    ...(lastSuccess !== undefined && { lastSuccess }),
    ...(lastProvenRestorable !== undefined && { lastProvenRestorable }),
    ...(nextRun !== undefined && { nextRun }),
  };
}

function lastSuccessOf(
  activity: Activity,
  run: Run | undefined,
  { histories }: TellingContext,
): number | undefined {
  if (run?.activity === activity && (run.state === 'succeeded' || run.state === 'warned'))
    return run.finishedAt;
  return histories.find((history) => history.activity === activity)?.lastSuccess?.finishedAt;
}

/** What a channel may not tell need not wait for it either. */
function withoutPrivate(report: Report, settings: ChannelSettings): Report {
  if (report.run === undefined || withOutput(report, settings)) return report;
  return { ...report, run: { ...report.run, steps: report.run.steps.map(withoutOutputOf) } };
}

function withoutOutputOf(step: StepRecord): StepRecord {
  const copy: { -readonly [Key in keyof StepRecord]: StepRecord[Key] } = { ...step };
  delete copy.output;
  return copy;
}

/** At once, or with the next digest, or both. */
function timedEntries(
  channel: string,
  settings: ChannelSettings,
  report: Report,
  { timeZone, now }: TellingContext,
): OutboxEntry[] {
  const digest = settings.type === 'mail' ? settings.digest : undefined;
  if (digest === undefined) return [{ channel, report }];
  const isUrgent = toneOf(report) === 'bad' || report.event === 'recovered';
  return [
    ...(isUrgent && digest.only !== true ? [{ channel, report }] : []),
    {
      channel,
      report: { ...report, id: `${report.id}-digest`, digest: true },
      notBefore: nextDigestTime(digest, timeZone, now),
    },
  ];
}
