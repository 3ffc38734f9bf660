import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TestCertificate {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

/** A certificate for `localhost`, 127.0.0.1 and 127.0.0.2 that signs itself, in `directory`; an expired one has been valid for a day in 2020. */
export async function testCertificate(
  directory: string,
  { expired = false }: { readonly expired?: boolean } = {},
): Promise<TestCertificate> {
  const name = expired ? 'expired' : 'certificate';
  const certificate = path.join(directory, `${name}.pem`);
  const key = path.join(directory, `${name}-key.pem`);
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2',
  ];
  if (expired) {
    // Only the command "ca" of Debian 12's OpenSSL sets the dates.
    const configuration = path.join(directory, 'expired.cnf');
    const home = path.join(directory, 'expired-ca');
    await mkdir(home);
    await writeFile(path.join(home, 'index.txt'), '');
    await writeFile(path.join(home, 'serial'), '01\n');
    await writeFile(
      configuration,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${home}/index.txt\nnew_certs_dir=${home}\nserial=${home}/serial\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n`,
    );
    const request = path.join(directory, 'expired.csr');
    await run('openssl', [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      '/CN=localhost',
    ]);
    await run('openssl', [
      'ca',
      '-batch',
      '-config',
      configuration,
      '-selfsign',
      '-keyfile',
      key,
      '-in',
      request,
      '-out',
      certificate,
      '-notext',
      '-startdate',
      '20200101000000Z',
      '-enddate',
      '20200102000000Z',
    ]);
  } else {
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '30',
      '-keyout',
      key,
      '-out',
      certificate,
      ...subject,
    ]);
  }
  await chmod(key, 0o600);
  return { certificate, key };
}
