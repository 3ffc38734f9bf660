import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { environmentOptions, openStorage, optionsOf } from './open-storage.ts';
import { mergeOptions, parseOptions } from './options.ts';
import { storageDriver } from './registry.ts';

const context = { clock: systemClock, environment: {}, warn: () => undefined };

/** The options that the documentation of Duplicati names, by our schemes. */
const duplicati: Readonly<Record<string, string>> = {
  file: 'alternate-target-paths alternate-destination-marker use-move-for-put force-smb-authentication disable-length-verification disable-filename-sanitation auth-username auth-password',
  s3: 'aws-access-key-id aws-secret-access-key s3-server-name s3-location-constraint s3-authentication-region s3-storage-class s3-archive-classes s3-client s3-disable-chunk-encoding s3-disable-payload-signing s3-list-api-version s3-recursive-list s3-lock-mode s3-ext-forcepathstyle use-ssl accept-any-ssl-certificate accept-specified-ssl-hash ignore-revocation-failure',
  ftp: 'ftp-encryption-mode ftp-data-connection-type ftp-ssl-protocols ftp-upload-delay ftp-absolute-path ftp-use-cwd-names disable-upload-verify ignore-pureftpd-limit-issue use-ssl accept-any-ssl-certificate accept-specified-ssl-hash ignore-revocation-failure auth-username auth-password',
  sftp: 'ssh-keyfile ssh-key ssh-disable-agent ssh-fingerprint ssh-accept-any-fingerprints ssh-keepalive ssh-relative-path auth-username auth-password',
  webdav:
    'integrated-authentication force-digest-authentication use-extended-propfind use-legacy-parsing debug-propfind-file use-ssl accept-any-ssl-certificate ignore-revocation-failure auth-username auth-password',
  swift:
    'openstack-authuri openstack-version openstack-tenant-name openstack-domain-name openstack-apikey openstack-region',
  rclone:
    'rclone-executable rclone-option rclone-local-repository rclone-remote-repository rclone-remote-path',
  smb: 'auth-domain transport read-buffer-size write-buffer-size',
  azure: 'azure-access-tier azure-archive-classes azure-blob-immutability-policy-mode',
  b2: 'b2-accountid b2-applicationkey b2-create-bucket-type b2-download-url b2-page-size b2-lock-mode',
  gs: 'gcs-service-account-file gcs-service-account-json gcs-project gcs-location gcs-storage-class gcs-retention-policy-mode authid oauth-url',
  googledrive: 'googledrive-teamdrive-id authid oauth-url',
  onedrive:
    'drive-id site-id group-email group-id fragment-size fragment-retry-count fragment-retry-delay authid oauth-url',
  dropbox: 'authid oauth-url',
};

const everywhere = ['list-timeout', 'short-timeout', 'read-write-timeout'];

describe('options of Duplicati', () => {
  for (const [scheme, names] of Object.entries(duplicati)) {
    test(`those of "${scheme}" are known, each with a use, a refusal or a note`, async () => {
      const schema = optionsOf(await storageDriver(scheme));
      for (const name of [...names.split(' '), ...everywhere])
        mergeOptions(schema, { url: { [name]: 'x' } });
    });
  }

  test('what is refused says why and what to do, and hides what was said', async () => {
    const cases = [
      ['file:///x?alternate-target-paths=*:/backup', /only the directory/u],
      ['file:///x?auth-password=hush', /no login/u],
      ['s3://bucket?s3-archive-classes=GLACIER&access-key-id=a', /readable at once/u],
      ['s3://bucket?s3-ext-a=1&s3-ext-b=2', /Duplicati's own library/u],
      ['webdav://127.0.0.1:1/x?accept-any-ssl-certificate=true', /could be anybody/u],
      ['webdav://127.0.0.1:1/x?accept-any-ssl-certificate', /could be anybody/u],
      ['ftp://127.0.0.1:1/x?accept-any-ssl-certificate=true', /could be anybody/u],
      ['sftp://127.0.0.1:1/x?ssh-accept-any-fingerprints=true', /could be anybody/u],
    ] as const;
    for (const [url, message] of cases) {
      await assert.rejects(openStorage(url, {}, context), (error) => {
        assert.ok(hasCode(error, 'input/usage'), String(error));
        assert.match(error.message, /^The option "[^"]+" is refused: /u);
        assert.match(error.message, message);
        assert.ok(error.hint !== undefined && !error.message.includes('hush'));
        return true;
      });
    }
  });

  test('a refused switch may be off', async () => {
    const { options } = await storageDriver('webdav');
    const url = { host: 'h', 'accept-any-ssl-certificate': 'false' };
    assert.doesNotThrow(() => parseOptions(options, mergeOptions(options, { url })));
  });

  test('what has no effect is taken, and whoever wants to know all is told', async () => {
    await using directory = await temporaryDirectory();
    const notes: string[] = [];
    const url = `file://${directory.path}?use-move-for-put=true&list-timeout=10m`;
    const note = (sentence: string): unknown => notes.push(sentence);
    const { storage } = await openStorage(url, {}, { ...context, note });
    await storage[Symbol.asyncDispose]();
    assert.equal(notes.length, 2);
    assert.match(notes.join('\n'), /^The option "use-move-for-put" has no effect: every file/mu);
    assert.match(notes.join('\n'), /^The option "list-timeout" has no effect: /mu);
  });

  test('they are neither offered nor read from our variables', async () => {
    await assert.rejects(
      openStorage('file:///x?use-move-for-pu=1', {}, context),
      (error) => hasCode(error) && !error.hint?.includes('use-move'),
    );
    const driver = await storageDriver('file');
    assert.deepEqual(environmentOptions(driver, { HOLDFAST_FILE_USE_MOVE_FOR_PUT: 'yes' }), {});
  });
});
