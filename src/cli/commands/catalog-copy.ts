import { counted } from '../../base/counted.ts';
import { copyCatalog } from '../../catalog/copy-catalog.ts';
import { openCatalog } from '../../catalog/open-catalog.ts';
import type { CommandRun } from '../command.ts';
import type { catalogCopy } from '../definitions/catalog.ts';
import { catalogKeyOf, openCatalogOf, parseCatalogLocation } from '../open-catalog.ts';

export const run: CommandRun<typeof catalogCopy> = async ({ flags }, session) => {
  const { output, clock, signal, workingDirectory } = session;
  const location = parseCatalogLocation(flags.to ?? '', workingDirectory);
  await using from = await openCatalogOf(flags, session);
  // The first one is open, so its key is there.
  const key = await catalogKeyOf(flags, session);
  await using to = await openCatalog({ location, key, clock, signal });
  const copied = await copyCatalog(from, to, { signal });
  const { documents = 0, runs = 0 } = copied;
  output.object({
    type: 'catalog-copied',
    from: from.location,
    to: to.location,
    documents,
    runs,
  });
  output.line(
    `Copied ${counted(documents, 'document of the configuration', 'documents of the configuration')} and ${counted(runs, 'run')} to "${to.location}"`,
  );
  output.note('Start the service with that --database now, and use the old one no more');
  return 0;
};
