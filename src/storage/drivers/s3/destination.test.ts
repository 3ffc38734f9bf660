import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { mergeOptions, parseOptions } from '../../options.ts';
import { parseDestinationUrl } from '../../url.ts';
import { s3Destination, type S3Destination } from './destination.ts';
import { s3Driver } from './s3.ts';
import { s3Options } from './schema.ts';

/** What a URL means, with options that are given besides. */
function meant(text: string, flag: Readonly<Record<string, string>> = {}): S3Destination {
  const url = parseDestinationUrl(text);
  const said = Object.fromEntries(url.options);
  const merged = mergeOptions(s3Options, { url: { ...s3Driver.fromUrl(url), ...said }, flag });
  return s3Destination(parseOptions(s3Options, new Map(merged)));
}

/** In one line: provider, endpoint, region, bucket and prefix, style. */
function line(text: string, flag: Readonly<Record<string, string>> = {}): string {
  const { preset, endpoint, region, bucket, prefix, pathStyle } = meant(text, flag);
  const style = pathStyle ? 'path' : 'virtual';
  return `${preset.name} ${endpoint?.origin ?? '-'} ${region ?? '-'} ${bucket} ${prefix} ${style}`;
}

describe('what an S3 URL means', () => {
  const cases: readonly (readonly [url: string, meaning: string])[] = [
    // A bucket on Amazon.
    ['s3://bucket', 'aws - - bucket  virtual'],
    ['s3://bucket/a/b/', 'aws - - bucket a/b/ virtual'],
    ['s3://bucket/a?region=eu-west-1', 'aws - eu-west-1 bucket a/ virtual'],
    ['s3://my.dotted.bucket/a', 'aws - - my.dotted.bucket a/ path'],
    ['boto3+s3://bucket/a', 'aws - - bucket a/ virtual'],
    ['s3+http://bucket/a', 'aws - - bucket a/ virtual'],
    // Amazon's own hosts.
    ['s3://s3.amazonaws.com/bucket/a', 'aws - - bucket a/ virtual'],
    ['s3://s3.eu-central-1.amazonaws.com/bucket/a', 'aws - eu-central-1 bucket a/ virtual'],
    ['s3://bucket.s3.eu-west-3.amazonaws.com/a', 'aws - eu-west-3 bucket a/ virtual'],
    ['s3:s3.amazonaws.com/bucket/a', 'aws - - bucket a/ virtual'],
    ['s3:https://s3.amazonaws.com/bucket/a', 'aws - - bucket a/ virtual'],
    // A server of one's own.
    ['s3://nas:9000/bucket/a', 'other https://nas:9000 us-east-1 bucket a/ path'],
    ['s3://localhost/bucket', 'other https://localhost us-east-1 bucket  path'],
    ['s3+http://10.0.0.5/bucket/a', 'other http://10.0.0.5 us-east-1 bucket a/ path'],
    ['s3://[fd00::1]:9000/bucket', 'other https://[fd00::1]:9000 us-east-1 bucket  path'],
    ['s3+http://nas.example/bucket/a', 'other http://nas.example us-east-1 bucket a/ path'],
    ['s3+https://nas/bucket/a', 'other https://nas us-east-1 bucket a/ path'],
    ['s3:http://nas:9000/bucket/a', 'other http://nas:9000 us-east-1 bucket a/ path'],
    ['s3:nas.example:9000/bucket/a', 'other https://nas.example:9000 us-east-1 bucket a/ path'],
    ['minio://nas.example/bucket/a', 'minio https://nas.example us-east-1 bucket a/ path'],
    ['s3://nas/bucket?provider=garage', 'garage https://nas garage bucket  path'],
    // Known services by their hosts.
    [
      's3://s3.eu-central-1.wasabisys.com/bucket/a',
      'wasabi https://s3.eu-central-1.wasabisys.com eu-central-1 bucket a/ virtual',
    ],
    [
      's3://nyc3.digitaloceanspaces.com/bucket',
      'digitalocean https://nyc3.digitaloceanspaces.com nyc3 bucket  virtual',
    ],
    [
      's3://bucket.nyc3.digitaloceanspaces.com/a',
      'digitalocean https://nyc3.digitaloceanspaces.com nyc3 bucket a/ virtual',
    ],
    [
      's3://m2s0.tx11.idrivee2-3.com/bucket/a',
      'idrive https://m2s0.tx11.idrivee2-3.com us-east-1 bucket a/ path',
    ],
    // Known services by their schemes.
    [
      'wasabi://bucket/a?region=eu-west-1',
      'wasabi https://s3.eu-west-1.wasabisys.com eu-west-1 bucket a/ virtual',
    ],
    [
      'r2://bucket/a?account=abc123',
      'cloudflare https://abc123.r2.cloudflarestorage.com auto bucket a/ path',
    ],
    [
      'e2://bucket/a?endpoint=x.idrivee2-7.com',
      'idrive https://x.idrivee2-7.com us-east-1 bucket a/ path',
    ],
    [
      'oss://bucket/a?region=cn-beijing',
      'aliyun https://oss-cn-beijing.aliyuncs.com cn-beijing bucket a/ virtual',
    ],
    // Duplicati's way.
    [
      's3://bucket/a?s3-server-name=nas.example:9000&use-ssl=false',
      'other http://nas.example:9000 us-east-1 bucket a/ path',
    ],
    [
      's3://bucket/a?s3-server-name=s3.wasabisys.com&s3-location-constraint=us-east-1',
      'wasabi https://s3.wasabisys.com us-east-1 bucket a/ virtual',
    ],
    [
      'aliyunoss://a/b?oss-bucket-name=bucket&oss-endpoint=oss-cn-hangzhou.aliyuncs.com',
      'aliyun https://oss-cn-hangzhou.aliyuncs.com cn-hangzhou bucket a/b/ virtual',
    ],
    [
      'cos://a/b?cos-bucket=bucket&cos-app-id=125&cos-region=ap-beijing',
      'tencent https://cos.ap-beijing.myqcloud.com ap-beijing bucket-125 a/b/ virtual',
    ],
    // An endpoint makes the first part the bucket, whatever it looks like.
    [
      's3://nas.example/a?endpoint=http://127.0.0.1:9000',
      'other http://127.0.0.1:9000 us-east-1 nas.example a/ path',
    ],
    ['s3://nas:9000/bucket/a?path-style=no', 'other https://nas:9000 us-east-1 bucket a/ virtual'],
  ];
  for (const [url, meaning] of cases) {
    test(url, () => assert.equal(line(url), meaning));
  }

  test('options from elsewhere count as those of the URL', () => {
    const meaning = 'minio http://nas:9000 us-east-1 bucket a/ path';
    assert.equal(
      line('s3://bucket/a', { endpoint: 'http://nas:9000', provider: 'minio' }),
      meaning,
    );
    assert.equal(line('s3+http://nas:9000/bucket/a', { provider: 'minio' }), meaning);
  });

  test('a service that has a host for each account is not looked for at Amazon', () => {
    assert.throws(
      () => line('e2://bucket/a'),
      (error) => hasCode(error, 'input/usage') && /names none/u.test(error.message),
    );
  });

  test('the location shows where it is', () => {
    assert.equal(meant('s3://key:secret@bucket/a').location, 's3://bucket/a');
    assert.equal(meant('s3://nas:9000/bucket').location, 's3://nas:9000/bucket');
  });

  test('a key in the URL is that of the options', () => {
    const given = s3Driver.fromUrl(parseDestinationUrl('s3://AK:se%2Fcret@bucket/a'));
    assert.equal(given['access-key-id'], 'AK');
    const secret = given['secret-access-key'];
    assert.ok(secret instanceof Secret && secret.reveal() === 'se/cret');
  });

  const wrong: readonly (readonly [url: string, text: RegExp])[] = [
    ['s3://', /names no bucket/u],
    ['s3://nas:9000', /names no bucket/u],
    ['minio://nas', /names no bucket/u],
    ['r2://bucket', /"account" is missing: Cloudflare R2/u],
    ['s3://bucket?provider=backblaze', /"region" is missing: Backblaze/u],
    ['s3://bucket?endpoint=https://nas/path', /is no server/u],
    ['s3://bucket?endpoint=a%20b', /is no server/u],
    ['s3://bucket/../up', /Cannot use/u],
    ['s3://bucket?provider=amazon', /is none of/u],
  ];
  for (const [url, text] of wrong) {
    test(`${url} is refused`, () => {
      assert.throws(
        () => meant(url),
        (error) => hasCode(error, 'input/usage', 'input/invalid') && text.test(error.message),
      );
    });
  }
});
