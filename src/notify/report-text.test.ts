import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { reportOf } from '#test/support/sample-reports.ts';
import { noticeEvents } from '../model/job.ts';
import { factsOf } from './report-facts.ts';
import { escapeHtml, reportHtml } from './report-html.ts';
import { reportText } from './report-text.ts';
import { toneOf } from './report-tone.ts';

const evil = 'a<script>alert(1)</script>&"\u202egnp.exe\nSubject: x\u001b[31m';

describe('reports as text and HTML', () => {
  test('the same facts in both', () => {
    for (const event of noticeEvents) {
      const report = reportOf(event, { periodicity: 'daily' });
      const text = reportText(report, { withOutput: false });
      const html = reportHtml(report, { withOutput: false });
      assert.ok(factsOf(report).length >= 6);
      for (const { label, value } of factsOf(report)) {
        assert.match(text, new RegExp(`^${label}: +`, 'mu'));
        assert.ok(text.includes(value), value);
        assert.ok(html.includes(escapeHtml(label)) && html.includes(escapeHtml(value)), value);
      }
    }
  });

  test('everything that was asked to be in it', () => {
    const labels = factsOf(reportOf('failed', { periodicity: 'daily' })).map(({ label }) => label);
    assert.deepEqual(labels, [
      'Job',
      'Outcome',
      'Host',
      'Periodicity',
      'Problem',
      'Hint',
      'Started',
      'Finished',
      'Duration',
      'Files',
      'Size',
      'Added',
      'Next run',
      'Last success',
      'Last proven restorable',
      'Time zone',
      'Run',
    ]);
  });

  test('a job that never ran', () => {
    const { lastSuccess: _, ...report } = reportOf('missed');
    assert.match(reportText(report, { withOutput: false }), /Last success: +never/u);
  });

  test('several commands: each with its times, success and output', () => {
    const report = reportOf('failed');
    const [step] = report.run!.steps;
    const text = reportText(
      {
        ...report,
        run: {
          ...report.run!,
          steps: [
            { ...step!, name: '300: backup', outcome: 'succeeded', output: 'line 1\nline 2\n' },
            {
              ...step!,
              name: '500: verify',
              outcome: 'failed',
              exitStatus: 3,
              warnings: ['ping: no answer'],
            },
          ],
        },
      },
      { withOutput: true },
    );
    assert.match(
      text,
      /-{72}\n300: backup\n[^]*Started: +\d[^]*Finished: +\d[^]*Success: +yes\n[^]*Output:\nline 1\nline 2\n\n-{72}\n500: verify\n[^]*Success: +no\n[^]*Exit status: 3[^]*Warning: ping: no answer/u,
    );
  });

  test('nothing gets out of its place', () => {
    const base = reportOf('failed', { title: evil, job: evil, host: evil });
    const [step] = base.run!.steps;
    const problem = { code: 'x', message: evil, hint: evil };
    const report = {
      ...base,
      run: {
        ...base.run!,
        problem,
        steps: [{ ...step!, name: evil, warnings: [evil], output: evil }],
      },
    };
    const html = reportHtml(report, { withOutput: true });
    assert.ok(!html.includes('<script'));
    const text = reportText(report, { withOutput: false });
    assert.ok(!/^Subject: x/mu.test(text));
    for (const written of [html, text])
      assert.ok(!written.includes('\u202e') && !written.includes('\u001b'));
  });

  test('HTML loads nothing and needs no style sheet', () => {
    const html = reportHtml(reportOf('warned'), { withOutput: true });
    assert.ok(!/https?:|url\(|<img|<link|<style|<script/u.test(html));
    assert.match(html, /<meta name="color-scheme" content="light dark">/u);
  });

  test('tones', () => {
    const tones = noticeEvents.map((event) => toneOf(reportOf(event)));
    assert.deepEqual(tones, [
      'neutral',
      'good',
      'warning',
      'bad',
      'neutral',
      'bad',
      'good',
      'good',
    ]);
    const drill = reportOf('drill');
    assert.equal(toneOf({ ...drill, run: { ...drill.run!, state: 'failed' } }), 'bad');
  });
});
