import type { OperationContext } from '../../engine/operation.ts';
import type { EntryType } from '../../model/entry.ts';
import type { OperationEvent } from '../../model/event.ts';
import { infoCodes, warningCodes } from './duplicity-log.ts';
import { joinText } from './log-text.ts';
import { quoted } from './python-text.ts';
import type { DuplicityRun } from './run-settings.ts';

/** How duplicity calls types in its log. */
export const shortTypes: Readonly<Record<EntryType, string>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'sym',
  fifo: 'fifo',
  socket: 'sock',
  'character-device': 'chr',
  'block-device': 'blk',
};

/** A path as it is shown: the root is a dot. */
export function shownPath(path: Uint8Array): Uint8Array {
  return path.length === 0 ? dot : path;
}

const dot = Buffer.from('.');

/** What an operation of the engine is given; what it tells goes to the log in duplicity's words. `onEvent` sees everything. */
export function actionContext(
  { context, log }: DuplicityRun,
  onEvent?: (event: OperationEvent) => void,
): OperationContext {
  const { signal, clock } = context;
  return {
    signal,
    clock,
    report(event) {
      onEvent?.(event);
      if (event.type === 'notice') log.info(event.message);
      if (event.type === 'problem') {
        const { path, error } = event;
        const isSource = error.code.startsWith('source/');
        const code = isSource ? warningCodes.cannotRead : warningCodes.cannotProcess;
        const shown = path === undefined ? undefined : shownPath(path);
        log.warning(
          isSource || shown === undefined
            ? error.message
            : joinText(`Error '${error.message}' processing `, shown),
          { code, ...(shown !== undefined && { extra: quoted(shown) }) },
        );
      }
      if (event.type === 'entry') {
        const shown = shownPath(event.path);
        const letter = { new: 'A', changed: 'M', deleted: 'D' }[event.action as string];
        if (letter === undefined) return;
        const code = { A: infoCodes.newFile, M: infoCodes.changedFile, D: infoCodes.deletedFile };
        log.info(joinText(`${letter} `, shown), {
          code: code[letter as keyof typeof code],
          extra: quoted(shown),
        });
      }
    },
  };
}
