import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../src/base/errors.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import { sampleConfiguration, sampleJob } from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

export function keyContract(make: MakePlace): void {
  test('another key does not open it', async () => {
    await using place = await make();
    await (await openPlace(place))[Symbol.asyncDispose]();
    for (const key of [CatalogKey.random(), new CatalogKey('a passphrase')]) {
      await assert.rejects(openPlace(place, { key }), (error) =>
        hasCode(error, 'catalog/locked-out'),
      );
    }
    await using catalog = await openPlace(place);
    assert.ok(catalog);
  });

  test('a key that is changed shuts out the old one, also where it is open', async () => {
    await using place = await make();
    const next = new CatalogKey('correct horse battery');
    await using catalog = await openPlace(place);
    await using other = await openPlace(place);
    const settings = { metricsLabels: { site: 'north' } };
    await catalog.configuration.replace(sampleConfiguration(['a', 'b'], { settings }), '/etc/x');
    const before = await catalog.configuration.read();
    await catalog.changeKey(next);
    assert.deepEqual(await catalog.configuration.read(), before);
    for (const attempt of [
      () => other.configuration.read(),
      () =>
        other.configuration.jobs.save('c', sampleJob('c'), { revision: undefined, origin: 'api' }),
      () => other.changeKey(CatalogKey.random()),
      () => openPlace(place),
    ]) {
      await assert.rejects(attempt, (error) => hasCode(error, 'catalog/locked-out'));
    }
    await using again = await openPlace(place, { key: next });
    assert.deepEqual(await again.configuration.read(), before);
    assert.equal((await again.configuration.jobs.list()).size, 2);
  });

  test('two that open a new one at once use the same key', async () => {
    await using place = await make();
    const opened = await Promise.allSettled([openPlace(place), openPlace(place), openPlace(place)]);
    for (const result of opened) {
      assert.equal(result.status, 'fulfilled');
      await result.value[Symbol.asyncDispose]();
    }
  });
}
