import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { utf8 } from '../base/bytes.ts';
import { parseRule, parseRuleFile } from './filter-rule.ts';

const exclude = { action: 'exclude', list: 'exclude', syntax: 'glob', ignoreCase: false } as const;

describe('filter rules', () => {
  test('parseRule() turns ! around and reads re:', () => {
    assert.deepEqual(parseRule('*.o', 'exclude'), { ...exclude, pattern: '*.o' });
    assert.deepEqual(parseRule('!*.o', 'exclude'), {
      ...exclude,
      action: 'include',
      pattern: '*.o',
    });
    assert.deepEqual(parseRule('!a', 'include'), { ...exclude, list: 'include', pattern: 'a' });
    assert.deepEqual(parseRule('re:^/a', 'exclude'), {
      ...exclude,
      syntax: 'regexp',
      pattern: '^/a',
    });
    assert.deepEqual(parseRule('!re:x', 'exclude').action, 'include');
    assert.deepEqual(parseRule('!x', 'exclude', { regexp: true }), {
      ...exclude,
      syntax: 'regexp',
      pattern: '!x',
    });
    assert.equal(parseRule('A', 'exclude', { ignoreCase: true }).ignoreCase, true);
  });

  test('parseRuleFile() skips comments and blank lines and keeps escapes', () => {
    const text = '\ufeff# comment\r\n\r\n*.o  \r\n  lead\n\\#name\n\\!name\nend\\ \t\nlast';
    assert.deepEqual(
      parseRuleFile(utf8(text), 'exclude').map((rule) => rule.pattern),
      ['*.o', '  lead', '\\#name', '\\!name', 'end\\ ', 'last'],
    );
  });

  test('parseRuleFile() keeps bytes that are not UTF-8', () => {
    const [rule] = parseRuleFile(Uint8Array.of(0x61, 0xff, 0x0a), 'exclude');
    assert.equal(rule?.pattern, 'a\udcff');
  });
});
