import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { hasCode } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { StorageOption } from './option-schema.ts';
import {
  mergeOptions,
  optionOrigins,
  parseOptions,
  type RawOptions,
  resolveSecrets,
} from './options.ts';

const schema = [
  { name: 'one', kind: 'string', help: 'One', default: 'd1' },
  { name: 'two', kind: 'string', help: 'Two' },
  { name: 'three', kind: 'string', help: 'Three', default: 'd3' },
] as const satisfies readonly StorageOption[];

const values: fc.Arbitrary<RawOptions> = fc.record(
  Object.fromEntries(schema.map(({ name }) => [name, fc.option(fc.string(), { nil: undefined })])),
  { requiredKeys: [] },
);
const sources = fc.record(
  { url: values, flag: values, environment: values, file: values },
  { requiredKeys: [] },
);

describe('mergeOptions()', () => {
  test('takes each option from its strongest origin', () => {
    fc.assert(
      fc.property(sources, (given) => {
        const merged = mergeOptions(schema, given);
        for (const option of schema) {
          const all: Readonly<Record<string, RawOptions | undefined>> = {
            ...given,
            default: { [option.name]: 'default' in option ? option.default : undefined },
          };
          const origin = optionOrigins.find(
            (candidate) => all[candidate]?.[option.name] !== undefined,
          );
          const expected = origin && { value: all[origin]?.[option.name], origin };
          assert.deepEqual(merged.get(option.name), expected);
        }
      }),
    );
  });

  test('does not depend on the weaker origins of an option that has a stronger one', () => {
    fc.assert(
      fc.property(sources, values, (given, other) => {
        const url = { one: 'a', two: 'b', three: 'c' };
        assert.deepEqual(
          mergeOptions(schema, { ...given, url }),
          mergeOptions(schema, { flag: other, url }),
        );
      }),
    );
  });

  test('names an unknown option, the known ones and the nearest', () => {
    for (const origin of ['url', 'flag', 'environment', 'file'] as const) {
      assert.throws(
        () => mergeOptions(schema, { [origin]: { thre: 'x' } }),
        (error) => {
          assert.ok(hasCode(error, 'input/usage'));
          assert.match(error.message, /"thre"/u);
          assert.equal(error.hint, 'Did you mean "three"? Options here are: one, two, three');
          return true;
        },
      );
    }
  });
});

describe('parseOptions()', () => {
  const kinds = [
    { name: 'text', kind: 'string', help: 'Text', required: true },
    { name: 'count', kind: 'number', help: 'Count' },
    { name: 'really', kind: 'boolean', help: 'Really', default: 'no' },
    { name: 'rate', kind: 'size', help: 'Rate', default: '1.5MiB' },
    { name: 'wait', kind: 'duration', help: 'Wait' },
    { name: 'mode', kind: 'choice', help: 'Mode', choices: ['fast', 'slow'] },
    { name: 'key', kind: 'secret', help: 'Key' },
  ] as const satisfies readonly StorageOption[];
  const parse = (flag: RawOptions): unknown => parseOptions(kinds, mergeOptions(kinds, { flag }));

  test('gives every kind its type', () => {
    const flag = {
      text: ' x ',
      count: '-1.5',
      really: true,
      rate: '2k',
      wait: '5m',
      mode: 'slow',
      key: 'hush',
    };
    const { key, ...rest } = parseOptions(kinds, mergeOptions(kinds, { flag }));
    assert.deepEqual(rest, {
      text: 'x',
      count: -1.5,
      really: true,
      rate: 2048,
      wait: 300_000,
      mode: 'slow',
    });
    assert.ok(key instanceof Secret);
    assert.equal(key.reveal(), 'hush');
    assert.deepEqual(parse({ text: 'x' }), {
      text: 'x',
      count: undefined,
      really: false,
      rate: 1.5 * 1024 ** 2,
      wait: undefined,
      mode: undefined,
      key: undefined,
    });
  });

  const wrong: readonly RawOptions[] = [
    {},
    { text: 'x', count: 'many' },
    { text: 'x', count: '' },
    { text: 'x', really: 'perhaps' },
    { text: 'x', rate: 'fast' },
    { text: 'x', wait: 'soon' },
    { text: 'x', mode: 'fsat' },
  ];
  for (const flag of wrong) {
    test(`refuses ${JSON.stringify(flag)}`, () => {
      assert.throws(
        () => parse(flag),
        (error) => hasCode(error, 'input/usage'),
      );
    });
  }
});

describe('names and secrets of other programs', () => {
  const kinds = [
    { name: 'user', kind: 'string', help: 'User', aliases: ['auth-username'] },
    { name: 'password', kind: 'secret', help: 'Password', aliases: ['auth-password'] },
    { name: 'key', kind: 'secret', help: 'Key' },
    { name: 'key-file', kind: 'string', help: 'A file of its own' },
  ] as const satisfies readonly StorageOption[];
  const read = async (flag: RawOptions): Promise<Readonly<Record<string, string | undefined>>> => {
    const parsed = parseOptions(kinds, await resolveSecrets(mergeOptions(kinds, { flag })));
    return { ...parsed, password: parsed.password?.reveal(), key: parsed.key?.reveal() };
  };
  const refused = async (flag: RawOptions, message: RegExp): Promise<void> => {
    await assert.rejects(
      async () => read(flag),
      (error) => hasCode(error, 'input/usage') && message.test(error.message),
    );
  };

  test('an alias is its option', async () => {
    const { user, password } = await read({ 'auth-username': 'me', 'auth-password': 'hush' });
    assert.deepEqual([user, password], ['me', 'hush']);
  });

  test('the same thing is not said twice in one place', async () => {
    await refused({ user: 'me', 'auth-username': 'me' }, /"user" and "auth-username".*twice/u);
    await refused({ password: 'x', 'password-file': '/x' }, /"password" and "password-file"/u);
  });

  test('a stronger origin may use another name', () => {
    const merged = mergeOptions(kinds, { url: { user: 'a' }, flag: { 'auth-username': 'b' } });
    assert.deepEqual(merged.get('user'), { value: 'a', origin: 'url' });
  });

  test('a secret is the first line of a file', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'secret');
    await writeFile(file, 'correct horse \r\nbattery\n');
    assert.equal((await read({ 'password-file': file }))['password'], 'correct horse ');
    await writeFile(file, '\n');
    await refused({ 'password-file': file }, /is empty/u);
    await refused({ 'password-file': `${file}-not-there` }, /Cannot read the file.*"password"/u);
  });

  test('a secret is the first line of what a command prints', async () => {
    assert.equal((await read({ 'password-command': 'echo hush; echo more' }))['password'], 'hush');
    await refused({ 'password-command': 'true' }, /printed nothing/u);
    await refused({ 'password-command': 'echo hush; exit 3' }, /failed.*status 3/u);
  });

  test('an option of that very name is what is meant', async () => {
    const found = await read({ 'key-file': '/etc/key' });
    assert.deepEqual([found['key-file'], found['key']], ['/etc/key', undefined]);
  });

  test('only secrets are looked up elsewhere', () => {
    assert.throws(() => mergeOptions(kinds, { flag: { 'user-file': '/x' } }), /"user-file"/u);
  });
});
