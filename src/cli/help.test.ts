import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commandTable } from './command-table.ts';
import { overview } from './help.ts';

test('the overview has a row for each command, and one with a title for those that begin with the same word', () => {
  const text = overview(commandTable, 80).replaceAll(/\s+/gu, ' ');
  for (const [word, members] of Map.groupBy(commandTable, ({ name }) => name.split(' ')[0]!)) {
    if (members.length === 1) {
      assert.ok(text.includes(` ${word} ${members[0]!.summary} `), word);
    } else {
      const names = members.map(({ name }) => name.slice(word.length + 1)).join(', ');
      assert.match(text, new RegExp(` ${word} … \\p{Lu}[^:]+: ${names} `, 'u'));
    }
  }
});

test('the overview of a word has all of its commands', () => {
  const text = overview(commandTable, 1000, 'job');
  for (const { name, summary } of commandTable) {
    assert.equal(text.includes(`  ${name} `) && text.includes(summary), name.startsWith('job '));
  }
});
