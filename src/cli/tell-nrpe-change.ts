import { displayText } from './output/display-text.ts';
import type { Output } from './output/output.ts';

/** Says which files of the NRPE server have changed, and that it has to read them. */
export function tellNrpeChange(output: Output, verb: string, files: readonly string[]): void {
  output.object({ type: 'nrpe', files });
  for (const file of files) output.line(displayText(`${verb}: ${file}`));
  output.note(
    files.length === 0
      ? 'Nothing had to be changed'
      : 'The NRPE server has to read them: systemctl reload nagios-nrpe-server',
  );
}
