import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { sampleConfiguration } from '#test/support/catalog-samples.ts';
import { SteeredClock } from '#test/support/steered-clock.ts';

import { findOwnJob, findRemovableJob } from './find-in-catalog.ts';

test('a job of a file can be removed when the file is gone, and only then', async () => {
  await using at = await catalogOfRuns(new SteeredClock(0));
  const file = path.join(at.directory, 'a.yaml');
  await writeFile(file, '');
  await at.catalog.configuration.replace(sampleConfiguration(['one']), file);
  await assert.rejects(findRemovableJob(at.catalog, 'one'), { code: 'input/conflict' });
  await rm(file);
  assert.equal((await findRemovableJob(at.catalog, 'one')).origin, file);
  await assert.rejects(findOwnJob(at.catalog, 'one'), { code: 'input/conflict' });
});
