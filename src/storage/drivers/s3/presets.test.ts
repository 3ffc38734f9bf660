import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  knownHost,
  type Preset,
  presetNamed,
  presetNames,
  presetOfScheme,
  presets,
} from './presets.ts';

describe('the presets of S3 services', () => {
  test('each has its own name, and is found by it', () => {
    assert.equal(new Set(presetNames).size, presets.length);
    for (const name of presetNames) assert.equal(presetNamed(name).name, name);
  });

  for (const preset of presets as readonly Preset[]) {
    test(`${preset.title}: its hosts are known again`, () => {
      const [region] = [...(preset.regions ?? []), preset.region ?? 'x-1'];
      for (const template of preset.endpoints ?? []) {
        const host = template.replace('{region}', region ?? '').replace('{account}', 'account1');
        assert.doesNotMatch(host, /[{}]/u);
        const known = knownHost(host);
        assert.equal(known?.preset.name, preset.name, host);
        assert.equal(known?.host, host);
        assert.equal(known?.bucket, undefined, host);
        if (template.includes('{region}')) assert.equal(known?.region, region);
        assert.equal(knownHost(`some-bucket.${host}`)?.preset.name, preset.name);
      }
    });

    test(`${preset.title}: its usual region is one of its regions`, () => {
      if (preset.regions === undefined || preset.region === undefined) return;
      assert.ok(preset.regions.includes(preset.region));
    });
  }

  test('hosts of others and names of buckets are not known', () => {
    for (const host of [
      'nas',
      'minio.example.com',
      'backup.wasabisys.com.evil.example',
      'my.bucket',
    ])
      assert.equal(knownHost(host), undefined, host);
  });

  test('a bucket before the host is told from it', () => {
    assert.deepEqual(knownHost('my.bucket.s3.us-east-2.wasabisys.com'), {
      preset: presetNamed('wasabi'),
      host: 's3.us-east-2.wasabisys.com',
      region: 'us-east-2',
      bucket: 'my.bucket',
    });
  });

  test('schemes of services stand for them', () => {
    assert.deepEqual(
      ['e2', 'aliyunoss', 'oss', 'cos', 'r2', 'wasabi', 'minio', 's3', 'toString'].map((scheme) =>
        presetOfScheme(scheme),
      ),
      [
        'idrive',
        'aliyun',
        'aliyun',
        'tencent',
        'cloudflare',
        'wasabi',
        'minio',
        undefined,
        undefined,
      ],
    );
  });
});
