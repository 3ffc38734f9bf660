import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { chooseDatabases, fileNameOf, refuseRules } from './choose-databases.ts';
import { parseExtendedRegularExpression } from './extended-regular-expression.ts';

const names = [
  'app',
  'app_test',
  'test_app',
  'shop',
  'forum2',
  'a.b',
  'a-b',
  'a]b',
  'a\\b',
  'a{2}',
  'aa',
  'ünal',
  'UPPER',
  'with space',
  'tab\tname',
  '100%',
  'x$y',
  'a^b',
  '(paren)',
  'a|b',
  'a/b',
  '_',
];

test('expressions match what "grep -E" matches', () => {
  for (const expression of [
    '.*',
    '^app',
    'app$',
    '^app$',
    '^(shop|forum[0-9])$',
    '[[:digit:]]+',
    '[^[:alnum:]_]',
    '[[:upper:]]',
    '^[[:alpha:]]+$',
    '[[:space:]]',
    'a.b',
    String.raw`a\.b`,
    '[].]',
    '[^]a-z]',
    '[a-]b',
    '[-b]',
    String.raw`[\]`,
    'a{2}',
    String.raw`a\{2}`,
    '^.{2,3}$',
    '^a{1,}$',
    'a+b?',
    String.raw`\$`,
    String.raw`\^`,
    String.raw`\(`,
    'x[$]y',
    String.raw`\|`,
    '/',
    '[a-c/]',
    String.raw`\bapp\b`,
    String.raw`\<test`,
    String.raw`app\>`,
    String.raw`^\w+$`,
    String.raw`\W`,
    String.raw`n\B`,
    String.raw`\Ba`,
    String.raw`\s\S`,
    '(app|shop)(_test)?$',
    'ü',
    '^.nal$',
    '[äü]nal',
    '',
    '%',
  ]) {
    const { stdout, status } = spawnSync('grep', ['-E', '-e', expression], {
      input: `${names.join('\n')}\n`,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    assert.ok(status === 0 || status === 1, expression);
    const expected = stdout.toString().split('\n').slice(0, -1);
    const pattern = parseExtendedRegularExpression(expression);
    assert.deepEqual(
      names.filter((name) => pattern.test(name)),
      expected,
      expression,
    );
  }
});

test('what is no expression is refused', () => {
  for (const text of ['(', '[a', '[[:nothing:]]', '\\', String.raw`(a)\1`, '*', 'a)']) {
    assert.throws(() => parseExtendedRegularExpression(text), { code: 'input/invalid' }, text);
  }
});

test('both expressions apply; nothing left is a mistake', () => {
  const choose = (include?: string, exclude?: string) =>
    chooseDatabases(['a', 'b', 'ab'], { include, exclude }, 'host');
  assert.deepEqual(choose(), ['a', 'b', 'ab']);
  assert.deepEqual(choose('a'), ['a', 'ab']);
  assert.deepEqual(choose(undefined, '^a$'), ['b', 'ab']);
  assert.deepEqual(choose('a', '^a$'), ['ab']);
  assert.throws(() => choose('x'), { code: 'database/failed', hint: /"a", "b", "ab"/u });
  assert.throws(() => chooseDatabases([], {}, 'host'), { code: 'database/failed' });
  assert.throws(() => refuseRules({ include: 'a' }, 'shop'), { code: 'input/usage' });
});

test('names of files are those of databases, without slashes, each another', () => {
  const all = ['a/b', 'a%2Fb', 'a', '..', 'globals', '%67lobals', 'ä b'].map((name) =>
    fileNameOf(name, '.sql'),
  );
  assert.deepEqual(all, [
    'a%2Fb.sql',
    'a%252Fb.sql',
    'a.sql',
    '...sql',
    '%67lobals.sql',
    '%2567lobals.sql',
    'ä b.sql',
  ]);
  assert.equal(new Set(all).size, all.length);
});
