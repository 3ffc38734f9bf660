import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import { pathText } from './path-characters.ts';
import { pythonExpression } from './python-expression.ts';

/** An expression, paths that it is found in, and others; as `re.search` of Python 3.11 has it. */
const found: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [String.raw`/\w+\.txt$`, ['/a.txt', '/größe.txt', '/文書_1.txt'], ['/a b.txt', '/.txt']],
  [String.raw`[^\w\s/.-]`, ['/a+b', '/a~'], ['/größe 1.txt']],
  [String.raw`[^\W\d_]`, ['1é', 'a'], ['1', '_', '/']],
  [String.raw`\bcache\b`, ['/cache', 'my cache/x'], ['/caches', 'écache']],
  [String.raw`\Bx`, ['éx'], ['x', '/x']],
  [String.raw`^\d\s?\D$`, ['1 a', '٣a'], ['a1']],
  [String.raw`(?a)^\w+$`, ['abc_1'], ['é']],
  ['[]a]b', [']b', 'ab'], ['b', 'a']],
  ['[^]a]', ['b'], [']', 'a', 'a]']],
  ['[a&&b[-]', ['&', '[', '-', 'a'], ['c']],
  ['^a{,2}$', ['', 'a', 'aa'], ['aaa', 'a{,2}']],
  ['^a{2}b{1,}$', ['aab', 'aabb'], ['ab', 'aa']],
  ['a{b}', ['a{b}'], ['ab']],
  ['^.$', ['a', '\r', 'a\n'], ['ab', '\n\n']],
  [String.raw`a\Z`, ['ba'], ['a\n', 'ab']],
  [String.raw`\A/a`, ['/a'], ['b/a']],
  ['(?s)a.b', ['a\nb', 'axb'], ['ab']],
  ['(?m)^b$', ['a\nb\nc', 'b'], ['a\rb']],
  ['(?x) a b # and so on', ['ab'], ['a b']],
  ['(?i)Ä', ['ä', 'Ä'], ['a']],
  ['(?P<twice>[ab])(?P=twice)', ['aa', 'bb'], ['ab']],
  [String.raw`(.)/\1$`, ['a/a'], ['a/b']],
  [String.raw`\.(?:jpe?g|png)$`, ['x.jpg', 'x.jpeg'], ['x_jpg', 'x.jpg.gz']],
  [String.raw`\/\.git(\/|$)`, ['/.git', '/.git/x'], ['/.github']],
  [String.raw`\_\-\ \#\~\@`, ['_- #~@'], ['_-#~@']],
  [String.raw`\x41\u0042\U00000043\07[\b]`, ['ABC\u{7}\b'], ['ABC']],
  ['^[^/]*[~#(]$', ['a~', 'a#', 'a('], ['a/~', 'a']],
];

for (const [expression, matching, others] of found) {
  test(`${expression} is found where Python finds it`, () => {
    const own = pythonExpression(expression);
    for (const path of matching) assert.ok(own.test(path), path);
    for (const path of others) assert.ok(!own.test(path), path);
  });
}

test('bytes that are no text are characters', () => {
  const path = pathText(Buffer.from([0x61, 0xe9, 0x62]));
  assert.ok(pythonExpression('a.b').test(path));
  assert.ok(!pythonExpression(String.raw`a\wb`).test(path));
});

test('what cannot be read ends with 30', () => {
  for (const expression of ['(', 'a)', '[a', '*a', String.raw`\q`, '(?>a)', '(?<n>a)', 'a\\'])
    assert.throws(
      () => pythonExpression(expression),
      (error) => error instanceof AppError && error.details['exit'] === 30,
      expression,
    );
});
