import { commandTable } from '../../src/cli/command-table.ts';
import { configurationJsonSchema } from '../../src/configuration/configuration-schema.ts';
import { commandsPage } from './commands-page.ts';
import { destinationsPage } from './destinations-page.ts';
import { exitCodesPage } from './exit-codes-page.ts';
import { readmePage } from './readme-page.ts';

/** A page that is made from the code, or partly so. */
export interface ReferencePage {
  readonly file: URL;
  readonly text: string;
}

/** All pages that are made from the code, as they should be. */
export async function referencePages(): Promise<ReferencePage[]> {
  const root = new URL('../../', import.meta.url);
  const readme = new URL('README.md', root);
  return [
    { file: new URL('docs/reference/commands.md', root), text: commandsPage(commandTable) },
    { file: new URL('docs/reference/destinations.md', root), text: await destinationsPage() },
    { file: new URL('docs/reference/exit-codes.md', root), text: exitCodesPage() },
    {
      file: new URL('docs/reference/configuration.schema.json', root),
      text: `${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`,
    },
    { file: readme, text: readmePage(readme, new URL('docs/benchmark.md', root)) },
  ];
}
