import type { Feed } from '../../service/feed.ts';
import type { RunEvent } from '../../service/run-event.ts';

/** What is printed without an end of the line is shown in pieces of at least so many characters. */
const LONGEST = 65_536;

/**
 * Shows what tasks and commands print, line by line as it comes, so that lines of several at once do not mix. What has not ended its line is shown when its run
 * is over.
 */
export function showPrinted(
  feed: Feed<RunEvent>,
  show: (line: string, run: { readonly run: string; readonly job: string }) => void,
): Disposable {
  const begun = new Map<string, string>();
  return feed.subscribe((event) => {
    if (event.type === 'output') {
      const { run, job, text } = event;
      const lines = ((begun.get(run) ?? '') + text).split('\n');
      const last = lines.pop()!;
      // Otherwise each piece would be joined to all that came before: a long line would take for ever.
      if (last.length >= LONGEST) lines.push(last);
      begun.set(run, last.length >= LONGEST ? '' : last);
      for (const line of lines) show(line, { run, job });
    } else if (event.type === 'run' && event.run.state !== 'running') {
      const { id, job } = event.run;
      const rest = begun.get(id) ?? '';
      begun.delete(id);
      if (rest !== '') show(rest, { run: id, job });
    }
  });
}
