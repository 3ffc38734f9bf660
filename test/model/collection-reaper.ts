import type { Moment } from './collection-moment.ts';
import { none, readReaper, reaperAt, reaperWord, words } from './collection-state.ts';
import { wordAt } from './state-search.ts';

/** What a process that removes abandoned finals may do next. */
export function reaperSteps(moment: Moment, reaper: number): void {
  const { lag, reaping } = moment.configuration;
  const { at, target } = readReaper(wordAt(moment.state, moment.layout.firstReaper + reaper));
  const own = 1 << (moment.layout.reaperBit + reaper);
  if (at === reaperAt.start) {
    for (let writer = 0; writer < moment.layout.writers; writer++) {
      if (!(((moment.finals & ~moment.seals) >> writer) & 1)) continue;
      if (reaping === 'no-tombstone') {
        reaperGoes(
          moment,
          reaper,
          'takes for abandoned final',
          1 << writer,
          reaperAt.deleteAtOnce,
          writer,
        );
      } else {
        if (moment.lagging) moment.next[words.hidden] = moment.hidden | own;
        reaperGoes(
          moment,
          reaper,
          'publishes a tombstone for final',
          1 << writer,
          reaperAt.listSeals,
          writer,
        );
      }
    }
  } else if (at === reaperAt.listSeals) {
    if (moment.lagging && lag !== 'nobody-waits' && moment.hidden & own) return;
    const isSealed = ((moment.seals & ~(moment.hidden >> moment.layout.sealBit)) >> target) & 1;
    reaperGoes(
      moment,
      reaper,
      isSealed ? 'sees a seal of final' : 'sees no seal of final',
      1 << target,
      isSealed ? reaperAt.removeTombstone : reaperAt.deleteFinal,
      target,
    );
  } else if (at === reaperAt.deleteFinal || at === reaperAt.deleteAtOnce) {
    const hasTombstone = at === reaperAt.deleteFinal;
    moment.next[words.finals] = moment.finals & ~(1 << target);
    reaperGoes(
      moment,
      reaper,
      'deletes final',
      1 << target,
      hasTombstone ? reaperAt.removeTombstone : reaperAt.done,
      hasTombstone ? target : none,
    );
  } else if (at === reaperAt.removeTombstone) {
    moment.next[words.hidden] = moment.hidden & ~own;
    reaperGoes(moment, reaper, 'removes its tombstone', 0, reaperAt.done, none);
  }
}

function reaperGoes(
  moment: Moment,
  reaper: number,
  step: string,
  finals: number,
  at: number,
  target: number,
): void {
  moment.next[moment.layout.firstReaper + reaper] = reaperWord(at, target);
  moment.found(`reaper ${reaper}`, step, finals);
}
