import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commandTable } from './command-table.ts';
import { overview } from './help.ts';

test('the overview has a row for each command, and one with a title for those that begin with the same word', () => {
  const text = overview(commandTable, 1000);
  for (const [word, members] of Map.groupBy(commandTable, ({ name }) => name.split(' ')[0]!)) {
    const row = text.split('\n').find((line) => line.startsWith(`  ${word} `));
    assert.ok(row !== undefined, word);
    if (members.length === 1) assert.ok(row.endsWith(members[0]!.summary), row);
    else {
      const names = members.map(({ name }) => name.slice(word.length + 1)).join(', ');
      assert.match(row, new RegExp(`^  ${word} … +\\p{Lu}.+: ${names}$`, 'u'));
    }
  }
});

test('the overview of a word has all of its commands', () => {
  const text = overview(commandTable, 1000, 'job');
  for (const { name, summary } of commandTable) {
    assert.equal(text.includes(`  ${name} `) && text.includes(summary), name.startsWith('job '));
  }
});
