import { AppError } from '../../base/errors.ts';
import { formatTime } from '../../base/time-zone.ts';
import type { OutboxItem } from '../../catalog/catalog.ts';
import type { CommandRun } from '../command.ts';
import type { notifyOutbox } from '../definitions/notify.ts';
import { openCatalogOf } from '../open-catalog.ts';
import { displayText } from '../output/display-text.ts';

type Waiting = OutboxItem & { readonly givenUp: boolean };

export const run: CommandRun<typeof notifyOutbox> = async ({ flags }, session) => {
  const { output, timeZone, clock } = session;
  await using catalog = await openCatalogOf(flags, session);
  const items = await catalog.outbox.list({ signal: session.signal });
  const { retry, drop } = flags;
  if (retry !== undefined && drop !== undefined)
    throw new AppError('input/usage', '--retry and --drop exclude each other');
  if (retry !== undefined) {
    const chosen = chosenItems(items, retry, () => true);
    for (const { id } of chosen) await catalog.outbox.retry(id, clock.now());
    output.object({ type: 'retried', ids: chosen.map(({ id }) => id) });
    output.line(`${reportsText(chosen.length)} will be tried again at once by the server`);
    return 0;
  }
  if (drop !== undefined) {
    const chosen = chosenItems(items, drop, ({ givenUp }) => givenUp);
    for (const { id } of chosen) await catalog.outbox.sent(id);
    output.object({ type: 'dropped', ids: chosen.map(({ id }) => id) });
    output.line(`${reportsText(chosen.length)} will not be sent any more`);
    return 0;
  }
  const shown = (at: number | undefined): string =>
    at === undefined ? '' : formatTime(at, timeZone);
  for (const { id, channel, report, addedAt, attempts, notBefore, givenUp, lastError } of items) {
    output.object({
      type: 'outbox-item',
      id,
      channel,
      report: report.id,
      title: report.title,
      addedAt,
      attempts,
      ...(notBefore !== undefined && { notBefore }),
      givenUp,
      ...(lastError !== undefined && { lastError }),
    });
  }
  if (items.length === 0) output.note('Everything was sent');
  output.table(
    [
      { title: 'Id' },
      { title: 'Since' },
      { title: 'Channel' },
      { title: 'Report' },
      { title: 'Tries', align: 'right' },
      { title: 'Next' },
      { title: 'What happened' },
    ],
    items.map(({ id, channel, report, addedAt, attempts, notBefore, givenUp, lastError }) => [
      id,
      shown(addedAt),
      channel,
      displayText(report.title),
      String(attempts),
      givenUp ? 'given up' : shown(notBefore),
      displayText(lastError ?? ''),
    ]),
  );
  return 0;
};

function chosenItems(
  items: readonly Waiting[],
  which: string,
  ofAll: (item: Waiting) => boolean,
): readonly Waiting[] {
  if (which === 'all') return items.filter(ofAll);
  const found = items.filter(({ id }) => id === which);
  if (found.length > 0) return found;
  throw new AppError('input/invalid', `There is no report "${which}" in the outbox`, {
    hint: '"holdfast notify outbox" shows what there is',
  });
}

const reportsText = (count: number): string => (count === 1 ? '1 report' : `${count} reports`);
