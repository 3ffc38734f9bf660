import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

/** What Prometheus knows of a metric. */
export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** A server of Prometheus that scrapes one address each second. */
export interface PrometheusServer extends TestServer {
  query(expression: string): Promise<readonly PrometheusSample[]>;
}

export const prometheusPrograms = ['prometheus', 'promtool'];

/** `target` is `host:port`; `rules` is the text of a file of rules, which are evaluated each second. */
export async function startPrometheus(target: string, rules = ''): Promise<PrometheusServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const of = (name: string): string => path.join(directory, name);
  await mkdir(of('data'));
  await writeFile(of('rules.yml'), rules);
  await writeFile(
    of('prometheus.yml'),
    [
      'global: { scrape_interval: 1s, evaluation_interval: 1s }',
      `rule_files: [${of('rules.yml')}]`,
      'scrape_configs:',
      `  - { job_name: holdfast, static_configs: [{ targets: ['${target}'] }] }`,
      '',
    ].join('\n'),
  );
  const address = `http://127.0.0.1:${port}`;
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        argv: [
          'prometheus',
          `--config.file=${of('prometheus.yml')}`,
          `--storage.tsdb.path=${of('data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
      },
    ],
    ready: () =>
      fetch(`${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
  return {
    ...server,
    async query(expression) {
      const answer = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { data } = (await answer.json()) as {
        readonly data: {
          readonly result: readonly {
            readonly metric: Readonly<Record<string, string>>;
            readonly value: readonly [number, string];
          }[];
        };
      };
      return data.result.map(({ metric, value }) => ({ labels: metric, value: value[1] }));
    },
  };
}

export const serverKind: ServerKind<PrometheusServer> = {
  name: 'prometheus',
  programs: prometheusPrograms,
  start: () => startPrometheus('127.0.0.1:8200'),
  usage: ({ port }) => `holdfast server, then http://127.0.0.1:${port}/`,
};
