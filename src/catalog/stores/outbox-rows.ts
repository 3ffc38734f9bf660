import type { OutboxEntry } from '../catalog.ts';
import type { Statements } from '../sql-database.ts';

/** Adds what is to be told; a report that is already on its way to a channel is not added again. */
export async function addToOutbox(
  transaction: Statements,
  entries: readonly OutboxEntry[],
  now: number,
  newId: (now: number) => string,
): Promise<void> {
  for (const { channel, report, notBefore } of entries) {
    await transaction
      .insertInto('outbox')
      .values({
        id: newId(now),
        channel,
        report_id: report.id,
        report: JSON.stringify(report),
        not_before: notBefore ?? now,
        added_at: now,
        attempts: 0,
        last_error: null,
        held_by: null,
        held_until: 0,
        given_up: 0,
      })
      .onConflict((conflict) => conflict.columns(['channel', 'report_id']).doNothing())
      .execute();
  }
}
