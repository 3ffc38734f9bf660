import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../src/base/errors.ts';
import { sampleConfiguration, sampleJob } from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

const api = { revision: undefined, origin: 'api' };

export function configurationContract(make: MakePlace): void {
  test('a document reads back as it was saved, with origin and a growing revision', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { jobs } = catalog.configuration;
    assert.equal(await jobs.get('a'), undefined);
    const first = await jobs.save('a', sampleJob('a'), api);
    assert.deepEqual(await jobs.get('a'), {
      value: sampleJob('a'),
      revision: first,
      origin: 'api',
    });
    const changed = sampleJob('a', { description: 'x' });
    const second = await jobs.save('a', changed, { revision: first, origin: 'api' });
    assert.ok(second > first);
    assert.deepEqual(
      [...(await jobs.list())],
      [['a', { value: changed, revision: second, origin: 'api' }]],
    );
    await jobs.remove('a', second);
    assert.equal(await jobs.get('a'), undefined);
    // A name that is used again does not get a revision again, which somebody may still hold.
    assert.ok((await jobs.save('a', sampleJob('a'), api)) > second);
  });

  test('a stale revision is a conflict, and changes nothing', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { jobs } = catalog.configuration;
    const first = await jobs.save('a', sampleJob('a'), api);
    const second = await jobs.save('a', sampleJob('a', { description: 'kept' }), {
      revision: first,
      origin: 'api',
    });
    const revision = await catalog.configuration.revision();
    for (const attempt of [
      () => jobs.save('a', sampleJob('a'), { revision: first, origin: 'api' }),
      () => jobs.save('a', sampleJob('a'), api),
      () => jobs.save('gone', sampleJob('gone'), { revision: first, origin: 'api' }),
      () => jobs.remove('a', first),
      () => jobs.remove('gone', first),
    ]) {
      await assert.rejects(attempt, (error) => hasCode(error, 'input/conflict'));
    }
    const kept = await jobs.get('a');
    assert.equal(kept?.revision, second);
    assert.equal(kept.value.description, 'kept');
    assert.equal(await catalog.configuration.revision(), revision);
  });

  test('of two that save the same revision at once one wins', async () => {
    await using place = await make();
    await using one = await openPlace(place);
    await using other = await openPlace(place);
    const revision = await one.configuration.jobs.save('a', sampleJob('a'), api);
    const results = await Promise.allSettled(
      [one, other, one, other].map(({ configuration }, index) =>
        configuration.jobs.save('a', sampleJob('a', { description: `${index}` }), {
          revision,
          origin: 'api',
        }),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      assert.ok(result.status === 'fulfilled' || hasCode(result.reason, 'input/conflict'));
  });

  test('everything is read in one view', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const configuration = sampleConfiguration(['b', 'a'], {
      destinations: { offsite: { url: 's3://bucket', options: { key: { file: '/k' } } } },
      channels: { mail: { type: 'url', url: 'smtps://host' } },
      periodicities: { nightly: '30 3 * * *' },
      settings: { parallel: 3, timeZone: 'Europe/Berlin' },
    });
    await catalog.configuration.replace(configuration, '/etc/holdfast.yaml');
    const { jobs, ...rest } = await catalog.configuration.read();
    const { jobs: given, ...others } = configuration;
    assert.deepEqual(rest, others);
    assert.deepEqual(jobs, [given[1], given[0]]);
    assert.deepEqual(await catalog.configuration.channels.get('mail').then((kept) => kept?.value), {
      type: 'url',
      url: 'smtps://host',
    });
  });

  test('replacing tells what it changed, and touches nothing else', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { configuration } = catalog;
    await configuration.jobs.save('manual', sampleJob('manual'), api);
    await configuration.replace(sampleConfiguration(['a', 'b', 'c']), '/etc/x');
    const before = await configuration.jobs.get('c');
    const changed = sampleConfiguration(['b', 'c', 'd'], { settings: { parallel: 1 } });
    const next = {
      ...changed,
      jobs: changed.jobs.map((job) => (job.name === 'b' ? { ...job, description: 'new' } : job)),
    };
    assert.deepEqual(await configuration.replace(next, '/etc/x'), {
      added: ['job/d', 'settings//etc/x'],
      changed: ['job/b'],
      removed: ['job/a'],
    });
    assert.deepEqual([...(await configuration.jobs.list()).keys()], ['b', 'c', 'd', 'manual']);
    assert.deepEqual(await configuration.jobs.get('c'), before);
    const revision = await configuration.revision();
    assert.deepEqual(await configuration.replace(next, '/etc/x'), {
      added: [],
      changed: [],
      removed: [],
    });
    assert.equal(await configuration.revision(), revision);
  });

  test('a name that another origin holds is refused, and nothing has changed', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { configuration } = catalog;
    await configuration.replace(sampleConfiguration(['a', 'b']), '/etc/x');
    await assert.rejects(
      configuration.replace(sampleConfiguration(['c', 'b']), '/etc/y'),
      (error) => {
        assert.ok(hasCode(error, 'input/invalid'));
        assert.equal(error.message, 'The job "b" comes from "/etc/x" already');
        return true;
      },
    );
    const revision = (await configuration.jobs.get('b'))!.revision;
    await assert.rejects(
      configuration.jobs.save('b', sampleJob('b'), { revision, origin: 'api' }),
      (error) => hasCode(error, 'input/invalid'),
    );
    assert.deepEqual([...(await configuration.jobs.list()).keys()], ['a', 'b']);
    assert.equal(await configuration.revision(), revision);
  });

  test('settings of several origins add up, those that were set by hand last', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { configuration } = catalog;
    await configuration.settings.save('api', { parallel: 7 }, api);
    await configuration.replace(
      sampleConfiguration([], { settings: { parallel: 1, history: '2Y' } }),
      'environment',
    );
    assert.deepEqual((await configuration.read()).settings, { parallel: 7, history: '2Y' });
  });

  test('the revision grows with every change of anything', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await using other = await openPlace(place);
    const { configuration } = catalog;
    const seen = [await configuration.revision()];
    const note = async (): Promise<void> => {
      seen.push(await other.configuration.revision());
    };
    const revision = await configuration.channels.save('m', { type: 'url', url: 'u:' }, api);
    await note();
    await configuration.periodicities.save('n', '@every 6h', api);
    await note();
    await configuration.replace(sampleConfiguration(['a']), '/etc/x');
    await note();
    await configuration.channels.remove('m', revision);
    await note();
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((left, right) => left - right),
    );
  });

  test('a call whose signal has been aborted changes nothing', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(
      catalog.configuration.jobs.save('a', sampleJob('a'), api, { signal }),
      /enough/u,
    );
    assert.equal((await catalog.configuration.jobs.list()).size, 0);
  });
}
