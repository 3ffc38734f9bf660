import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { RcloneLog } from './rclone-log.ts';

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;

describe('the log of rclone', () => {
  test('tells the port, also in pieces', async () => {
    const log = new RcloneLog();
    const listening = log.listening();
    const text = line({
      level: 'notice',
      msg: 'Serving remote control on http://127.0.0.1:43193/',
    });
    log.add(Buffer.from(text.slice(0, 50)));
    assert.equal(log.port, undefined);
    log.add(Buffer.from(text.slice(50)));
    assert.equal(await listening, 43_193);
    assert.equal(log.lastWords, '');
  });

  test('tells why an upload failed, once, and the first reason', () => {
    const log = new RcloneLog();
    log.add(
      Buffer.from(
        line({ level: 'error', msg: 'Post request put error: full', object: 'a/b' }) +
          line({ level: 'error', msg: 'Post request rcat error: full', object: 'a/b' }),
      ),
    );
    assert.equal(log.errorOf('a/b'), 'Post request put error: full');
    assert.equal(log.errorOf('a/b'), undefined);
  });

  test('keeps the last words, plain text as well', () => {
    const log = new RcloneLog();
    log.add(Buffer.from('2026/11/21 03:14:42 Failed to create file system: no\n'));
    assert.equal(log.lastWords, 'Failed to create file system: no');
  });

  test('forgets what nobody asked for', () => {
    const log = new RcloneLog();
    for (let index = 0; index < 2000; index++)
      log.add(Buffer.from(line({ level: 'error', msg: 'x', object: String(index) })));
    assert.equal(log.errorOf('0'), undefined);
    assert.equal(log.errorOf('1999'), 'x');
  });
});
