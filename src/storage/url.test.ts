import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';

import fc from 'fast-check';

import { hasCode } from '../base/errors.ts';
import type { StorageOption } from './option-schema.ts';
import { keyOfDestination, parseDestinationUrl, printDestinationUrl } from './url.ts';

const schema: readonly StorageOption[] = [
  { name: 'region', kind: 'string', help: 'Region' },
  { name: 'key', kind: 'secret', help: 'Key' },
];

describe('parseDestinationUrl()', () => {
  test('takes all parts, decoded', () => {
    const url = parseDestinationUrl(
      'S3://us%20er:p%40ss:w@Host.example:8443/buck%3Fet/a%20b?region=eu%26west&key=x=y&flag',
    );
    assert.equal(url.scheme, 's3');
    assert.equal(url.user, 'us er');
    assert.equal(url.password?.reveal(), 'p@ss:w');
    assert.equal(url.host, 'Host.example');
    assert.equal(url.port, 8443);
    assert.equal(url.path, '/buck?et/a b');
    const options = Array.from(url.options, ([name, value]) => [name, value.reveal()]);
    assert.deepEqual(options, [
      ['region', 'eu&west'],
      ['key', 'x=y'],
      ['flag', 'true'],
    ]);
  });

  for (const [text, printed] of [
    ['s3:host/bucket/a', 's3://host/bucket/a'],
    ['s3:https://host:9000/bucket', 's3://host:9000/bucket'],
    ['s3:http://host:9000/bucket', 's3+http://host:9000/bucket'],
    ['sftp:user@host:/srv/x', 'sftp://user@host//srv/x'],
    ['sftp:host:x', 'sftp://host/x'],
    ['b2:bucket:a/b', 'b2://bucket/a/b'],
    ['rclone://remote:/dir', 'rclone://remote:/dir'],
    ['rclone://remote:dir:x/y', 'rclone://remote:dir:x/y'],
    ['webdav://host:/x', 'webdav://host/x'],
  ] as const) {
    test(`takes ${text}`, () => {
      assert.equal(printDestinationUrl(parseDestinationUrl(text)), printed);
    });
  }

  test('asks for a known scheme before it judges what follows', () => {
    assert.throws(
      () => parseDestinationUrl('rlcone://remote:dir'),
      (error) => hasCode(error, 'input/usage') && /"rclone"/u.test(error.hint ?? ''),
    );
    assert.throws(
      () => parseDestinationUrl('par2+sftp://host:dir/x'),
      (error) => hasCode(error, 'input/usage') && /host or port/u.test(error.message),
    );
  });

  test('takes no path for one that is to have recovery files', () => {
    assert.throws(
      () => parseDestinationUrl('par2+/mnt/disk'),
      (error) => hasCode(error, 'input/usage') && /par2\+file:/u.test(error.hint ?? ''),
    );
    assert.equal(parseDestinationUrl('./par2+/x').path, './par2+/x');
  });

  test('takes the module of an rsync daemon', () => {
    const { user, host, path } = parseDestinationUrl('rsync://me@host::module/a');
    assert.deepEqual({ user, host, path }, { user: 'me', host: 'host', path: '::module/a' });
    const bracketed = parseDestinationUrl('rsync://[2001::1]/a');
    assert.deepEqual([bracketed.host, bracketed.path], ['2001::1', '/a']);
  });

  test('takes an address in brackets', () => {
    const { host, port } = parseDestinationUrl('sftp://[2001:db8::1]:22/x');
    assert.deepEqual({ host, port }, { host: '2001:db8::1', port: 22 });
    for (const written of ['fe80::1%eth0', 'fe80::1%25eth0'])
      assert.equal(parseDestinationUrl(`sftp://u@[${written}]/x`).host, 'fe80::1%eth0');
  });

  test('takes a path as it is', () => {
    for (const path of ['/mnt/a%20b?c=d#e', 'relative', './s3:x', '../up', 'C:\\x', '/a://b']) {
      const { scheme, path: parsed, options } = parseDestinationUrl(path);
      assert.deepEqual(
        { scheme, parsed, options: options.size },
        { scheme: 'file', parsed: path, options: 0 },
      );
    }
  });

  for (const text of [
    '',
    'file:/x',
    'sftp://host:port/x',
    'sftp://host:0/',
    'sftp://host:65536/',
    'file:///a%zz',
    'file:///a?b=1&b=2',
    'file:///%ff',
  ]) {
    test(`refuses "${text}"`, () => {
      assert.throws(
        () => parseDestinationUrl(text),
        (error) => hasCode(error, 'input/usage'),
      );
    });
  }

  test('never says a secret, neither in an error nor when inspected', () => {
    for (const text of [
      'sftp://u:hush@ho:st:x/p',
      'sftp://u:hush%zz@host/p',
      's3://h/p?key=hush%zz',
      's3://h/p?key=hush&key=hush',
      's3://h/%zz?key=hush',
    ]) {
      assert.throws(
        () => parseDestinationUrl(text),
        (error) => !inspect(error, { depth: 9 }).includes('hush'),
      );
    }
    const url = parseDestinationUrl('s3://u:hush@h/p?key=hush');
    assert.ok(!inspect(url, { depth: 9 }).includes('hush'));
    assert.ok(!JSON.stringify(url).includes('hush'));
  });
});

describe('printDestinationUrl()', () => {
  test('leaves the password out and hides secret and unknown options', () => {
    const url = parseDestinationUrl('s3://u%40:hush@h:1/p%25?region=eu&key=hush&other=hush');
    assert.equal(
      printDestinationUrl(url, schema),
      's3://u%40@h:1/p%25?region=eu&key=***&other=***',
    );
  });

  test('shows no user and no query of an address in an option', () => {
    const url = parseDestinationUrl('s3://b/p?region=https%3A%2F%2Fu%3Ahush%40h%2Fx%3Fsig%3Dhush');
    assert.equal(
      printDestinationUrl(url, schema),
      `s3://b/p?region=${encodeURIComponent('https://***@h/x?***')}`,
    );
  });

  test('is a key that tells remotes of rclone apart, and not what they are told', () => {
    const keyOf = (url: string): string => keyOfDestination(parseDestinationUrl(url), []);
    const [one, other] = ['h', 'g'].map((host) =>
      keyOf(`rclone://:sftp,host=${host},pass=hush:a/b`),
    );
    assert.match(one ?? '', /^rclone:\/\/:sftp,\*{3}[0-9a-f]{4}:a\/b$/u);
    assert.notEqual(one, other);
    assert.equal(one, keyOf('rclone://:sftp,host=h,pass=hush:a/b'));
    for (const url of [
      'rclone://drive:a,b:c',
      'sftp://user@host/a,b:c',
      's3://bucket/a?secret-key=***',
    ])
      assert.equal(keyOf(url), url);
  });

  test('hides what a remote of rclone is told before its path', () => {
    for (const [text, printed] of [
      ['rclone://:sftp,host=h,pass=hush:a,b', 'rclone://:sftp,***:a,b'],
      ['rclone://dav,url="http://h/",pass="hu:sh":a/b', 'rclone://dav,***:a/b'],
      ['rclone://dav,pass=hush', 'rclone://dav,***'],
      ['rclone://drive:a,b:c', 'rclone://drive:a,b:c'],
      ['rclone://drive/a,b=c:d', 'rclone://drive/a,b=c:d'],
    ] as const)
      assert.equal(printDestinationUrl(parseDestinationUrl(text)), printed);
  });

  test('prints what parses to the same', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(part, fc.webPath(), part, (user, path, region) => {
        const text = `sftp://${encodeURIComponent(user)}@host:22${path.startsWith('/') ? path : `/${path}`}?region=${encodeURIComponent(region)}`;
        const url = parseDestinationUrl(text);
        const again = parseDestinationUrl(printDestinationUrl(url, schema));
        assert.deepEqual(
          { ...again, options: again.options.get('region')?.reveal() },
          { ...url, options: region },
        );
      }),
    );
  });
});
