import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

import { checkConfiguration } from './check-configuration.ts';
import { configurationJsonSchema, parseConfiguration } from './configuration-schema.ts';
import { firstConfiguration } from './first-configuration.ts';

const guide = await readFile(new URL('../../docs/guide/configuration.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/```yaml\n(jobs:.*?)```/gsu)].map(
  ([, text]) => parse(text!) as unknown,
);
const first = parse(
  firstConfiguration({
    name: 'documents',
    sources: ['/home/"x"', '/etc'],
    destination: 's3://bucket/host?region=eu&x=#1',
    schedule: '0 2 * * *',
    exclude: ['*.o', '# not a remark'],
  }),
) as unknown;

test('the guide has examples', () => assert.ok(examples.length >= 2));

test('the examples of the guide are valid, and so is the first configuration', () => {
  for (const example of [...examples, first]) {
    assert.deepEqual(checkConfiguration(parseConfiguration(example)).problems, []);
  }
});

test('the first configuration says what was asked for', () => {
  const { jobs } = parseConfiguration(first);
  const [job] = jobs;
  assert.ok(job?.kind === 'backup');
  assert.deepEqual(job.sources, ['/home/"x"', '/etc']);
  assert.deepEqual(job.filters, { exclude: ['*.o', '# not a remark'] });
  assert.equal(job.destinations[0]?.url, 's3://bucket/host?region=eu&x=#1');
  assert.deepEqual(job.schedule, { when: '0 2 * * *', jitter: '10m' });
});

describe('the JSON Schema', () => {
  const validate = new Ajv2020({ strict: false }).compile(configurationJsonSchema());

  test('takes what we take', () => {
    for (const example of [...examples, first]) {
      assert.equal(validate(example), true, JSON.stringify(validate.errors));
    }
  });

  for (const [what, wrong] of [
    ['an unknown key', { jobs: { a: { sources: '/x', destination: '/m', shedule: 'daily' } } }],
    ['an unknown section', { job: {} }],
    ['a number for a text', { jobs: { a: { sources: 5, destination: '/m' } } }],
    ['an unknown step', { jobs: { a: { steps: { laod: 'x' } } } }],
    ['an unknown event', { settings: { notify: [{ channel: 'x', on: ['failled'] }] } }],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.equal(validate(wrong), false);
      assert.throws(() => parseConfiguration(wrong), { code: 'input/invalid' });
    });
  }
});
