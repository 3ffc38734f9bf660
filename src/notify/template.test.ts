import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { reportOf } from '#test/support/sample-reports.ts';
import { reportDocument } from './report-document.ts';
import { compileTemplate, escaped } from './template.ts';

const document = reportDocument(reportOf('failed', { periodicity: 'daily' }), {
  withOutput: false,
});

describe('templates', () => {
  test('fields, also of lists and of what is missing', () => {
    const render = compileTemplate(
      '{{job}}|{{ run.activity }}|{{run.steps.0.name}}|{{run.steps.5.name}}|{{reason}}|{{run.steps.0.counters.files}}',
      'text',
    );
    assert.equal(
      render(document),
      'documents|backup|backup||This is a test: nothing has failed|1234',
    );
  });

  test('the subject of the cron images', () => {
    const render = compileTemplate('Backup report: {hostname} - {periodicity} - {result}', 'line');
    assert.equal(render(document), 'Backup report: nas.example.org - daily - ERROR');
    assert.equal(compileTemplate('{hostname}', 'text')(document), '{hostname}');
    const warned = reportDocument(reportOf('warned'), { withOutput: false });
    assert.equal(compileTemplate('{result} {{result}}', 'line')(warned), 'OK WARNING');
  });

  test('placeholders of Duplicati', () => {
    const render = compileTemplate('%OPERATIONNAME% %backup-name% %PARSEDRESULT% 100% %20', 'text');
    assert.equal(render(document), 'Backup documents Error 100% %20');
  });

  test('what is put in is not looked at again', () => {
    const tricky = { ...document, job: '{{host}} %backup-name% $& {hostname}' };
    assert.equal(
      compileTemplate('{{job}}', 'line')(tricky),
      '{{host}} %backup-name% $& {hostname}',
    );
  });

  test('unknown fields, also those of every object', () => {
    for (const path of ['jop', 'run.nope', 'constructor', '__proto__.x', 'job.length'])
      assert.throws(() => compileTemplate(`{{${path}}}`, 'text'), { code: 'input/invalid' });
  });

  test('whatever is put into JSON comes out of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(JSON.parse(`"${escaped(text, 'json')}"`), text);
      }),
    );
  });

  test('whatever is put into a line stays on it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.ok(!/[\r\n\u2028\u0085]/u.test(escaped(text, 'line')));
      }),
    );
  });
});
