import { joinPath } from '../../base/posix/path-bytes.ts';
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

/** Who else is told, and how paths are shown. */
export interface ActionContextOptions {
  /** Sees every event. */
  readonly onEvent?: (event: OperationEvent) => void;
  /** What stands before the paths of problems with a source: the source as it was given. */
  readonly source?: Uint8Array;
}

/** What an operation of the engine is given; what it tells goes to the log in duplicity's words. */
export function actionContext(
  { context, log }: DuplicityRun,
  { onEvent, source }: ActionContextOptions = {},
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
        if (path === undefined) log.warning(error.message);
        else if (source !== undefined && error.code.startsWith('source/')) {
          const shown = path.length === 0 ? source : joinPath(source, path);
          log.warning(joinText('Error accessing possibly locked file ', shown), {
            code: warningCodes.cannotRead,
            extra: quoted(shown),
          });
          log.info(error.message);
        } else {
          const shown = shownPath(path);
          log.warning(joinText(`Error '${error.message}' processing `, shown), {
            code: warningCodes.cannotProcess,
            extra: quoted(shown),
          });
        }
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
