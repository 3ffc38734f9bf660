import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { translateFailure } from './translate-failure.ts';

const end =
  'rsync error: some files/attrs were not transferred (code 23) at main.c(1956) [R=3.5.0]';
const reset = 'rsync: [Receiver] read error: Connection reset by peer (104)';

describe('a run of rsync that failed', () => {
  test('is told by the lines that say why', () => {
    const { code, message } = translateFailure(
      { status: 5, lastWords: `@ERROR: Unknown module 'x'\n${end}\n${reset}` },
      'list "packs/"',
    );
    assert.equal(code, 'storage/no-container');
    assert.equal(
      message,
      `Cannot list "packs/": the server has no such module (@ERROR: Unknown module 'x')`,
    );
  });

  test('is told by whatever there is', () => {
    const { message } = translateFailure({ status: 12, lastWords: reset }, 'list ""');
    assert.equal(message, `Cannot list "": the connection broke off (${reset})`);
  });

  test('because a part of the path is a file says so', () => {
    const link = 'rsync: [sender] link_stat "file/sub/a" (in data) failed: Too many levels of';
    const { code, message, hint } = translateFailure(
      { status: 23, lastWords: `${link} symbolic links (40)\n${end}` },
      'read "a"',
    );
    assert.equal(code, 'storage/access-denied');
    assert.match(message, /a part of the path is a file/u);
    assert.match(hint ?? '', /another path/u);
  });
});
