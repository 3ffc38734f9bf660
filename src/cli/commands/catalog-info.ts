import type { CommandRun } from '../command.ts';
import type { catalogInfo } from '../definitions/catalog.ts';
import { openCatalogOf } from '../open-catalog.ts';

export const run: CommandRun<typeof catalogInfo> = async ({ flags }, session) => {
  const { output } = session;
  await using catalog = await openCatalogOf(flags, session);
  const info = await catalog.info();
  const { kind, location } = catalog;
  output.object({ type: 'catalog', kind, location, ...info });
  const rows: readonly (readonly [string, string | number])[] = [
    ['Catalog', location],
    ['Database', kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'],
    ['Version', info.version],
    ['Jobs', info.jobs],
    ['Destinations', info.destinations],
    ['Channels', info.channels],
    ['Schedules', info.schedules],
    ['Runs', `${info.runs}, of which ${info.queued} wait and ${info.running} are under way`],
    ['Reports', `${info.unsent} not sent yet, ${info.givenUp} given up`],
    ['To be put right', info.journal],
  ];
  for (const [name, value] of rows) output.line(`${`${name}:`.padEnd(17)}${value}`);
  return 0;
};
