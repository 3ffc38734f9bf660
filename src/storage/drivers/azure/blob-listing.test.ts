import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { parseBlobPage } from './blob-listing.ts';

const properties =
  '<Properties><Last-Modified>Mon, 02 Jan 2023 03:04:05 GMT</Last-Modified><Content-Length>7</Content-Length></Properties>';

function page(blobs: string, marker = '<NextMarker />'): string {
  return `\u{feff}<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="c"><Blobs>${blobs}</Blobs>${marker}</EnumerationResults>`;
}

describe('a page of a listing', () => {
  test('gives keys, sizes and times', () => {
    const xml = page(
      `<Blob><Name>a/&lt;b&gt; &amp;amp; &quot;c&apos;&#x1F642;&#10;</Name>${properties}</Blob><Blob><Name Encoded="true">d%EF%BF%BEe</Name>${properties}</Blob>`,
      '<NextMarker>2!&amp;x</NextMarker>',
    );
    const modified = Date.UTC(2023, 0, 2, 3, 4, 5);
    assert.deepEqual(parseBlobPage(xml, 'list'), {
      blobs: [
        { key: 'a/<b> &amp; "c\'🙂\n', size: 7, modified },
        { key: 'd\u{fffe}e', size: 7, modified },
      ],
      marker: '2!&x',
    });
  });

  test('leaves directories out', () => {
    const directory = properties.replace(
      '</Properties>',
      '<ResourceType>directory</ResourceType></Properties>',
    );
    assert.deepEqual(
      parseBlobPage(page(`<Blob><Name>d</Name>${directory}</Blob>`), 'list').blobs,
      [],
    );
  });

  test('that is not whole is an error', () => {
    const whole = page(`<Blob><Name>a</Name>${properties}</Blob>`);
    assert.equal(parseBlobPage(whole, 'list').blobs.length, 1);
    for (const broken of [
      ...Array.from({ length: whole.length - 1 }, (_, length) => whole.slice(0, length)),
      page(`<Blob><Name>a</Name></Blob>`),
      page(`<Blob>${properties}</Blob>`),
      page('', ''),
    ]) {
      assert.throws(
        () => parseBlobPage(broken, 'list'),
        (error) => hasCode(error, 'storage/unavailable'),
        broken,
      );
    }
  });
});
