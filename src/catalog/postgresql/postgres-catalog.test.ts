import { after, before } from 'node:test';

import { catalogContract } from '#test/contract/catalog-contract.ts';
import { openPlace } from '#test/contract/catalog-place.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '#test/servers/postgres.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

import { Secret } from '../../base/secret.ts';

const missing = missingPrograms(postgresPrograms);

let server: PostgresServer;
let number = 0;

if (missing === false) {
  before(async () => {
    server = await startPostgres();
    // Copies of one that is finished are made more quickly than new ones.
    const location = { url: new Secret(await server.createDatabase('template')) };
    await using catalog = await openPlace({
      location,
      address: '',
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
    await catalog.queue.waitForWork(1);
  });
  after(() => server[Symbol.asyncDispose]());
}

catalogContract(
  'PostgreSQL',
  async () => {
    const name = `catalog${++number}`;
    await server.query(`create database ${name} template template`);
    const address = server.url(name);
    return {
      location: { url: new Secret(address) },
      address,
      // It goes with the server.
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
  missing,
);
