import {
  createHash,
  createHmac,
  createVerify,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { GcsProblem } from './gcs-state.ts';
import { type Answer, type Call, Refusal, type Simulator } from './simulator.ts';

/** The interoperability key that is known. */
export const interoperabilityKey = {
  id: 'GOOG1EXAMPLEEXAMPLEEXAMPLE',
  secret: 'ThisIsTheSecretOfTheKey+/0123456789abcd',
} as const;

/** What a federated workload shows instead of a key. */
export const federatedSubject = 'a-token-of-another-provider';

/** An AuthID of Duplicati's handler. */
export const knownAuthId = '0123456789abcdef:secret';

const audience = 'https://oauth2.googleapis.com/token';
/** Whatever of these is sent must be part of the signature. */
const ownHeaders = [
  'host',
  'x-goog-date',
  'x-goog-content-sha256',
  'x-goog-if-generation-match',
  'x-goog-storage-class',
  'x-goog-user-project',
  'x-goog-project-id',
];

const email = 'holdfast@demo.iam.gserviceaccount.com';

/** Who may do things: service accounts by signed assertions, federated workloads, and interoperability keys by signatures. */
export class GcsAccounts {
  readonly #simulator: Simulator;
  readonly #publicKey: string;
  readonly #tokens = new Map<string, number>();

  /** The key of the service account is made at the first start and lies in `service-account.json`. */
  constructor(simulator: Simulator, directory: string, port: string) {
    this.#simulator = simulator;
    const publicFile = path.join(directory, 'public.pem');
    if (!existsSync(publicFile)) {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      });
      writeFileSync(
        path.join(directory, 'service-account.json'),
        JSON.stringify(
          {
            type: 'service_account',
            project_id: 'demo',
            private_key_id: '0123456789abcdef',
            private_key: privateKey,
            client_email: email,
            client_id: '1',
            token_uri: `http://127.0.0.1:${port}/token`,
          },
          undefined,
          2,
        ),
      );
      writeFileSync(publicFile, publicKey);
    }
    this.#publicKey = readFileSync(publicFile, 'utf8');
  }

  /** `POST /token`: an assertion that was signed with the key for an access token. */
  token(call: Call): Answer {
    const form = new URLSearchParams(call.body.toString('utf8'));
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      throw refusedGrant('unsupported_grant_type', 'Invalid grant_type');
    const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const verified = createVerify('RSA-SHA256')
      .update(`${head}.${claims}`)
      .verify(this.#publicKey, signature, 'base64url');
    if (part(head)['alg'] !== 'RS256' || !verified)
      throw refusedGrant('invalid_grant', 'Invalid JWT Signature.');
    const { iss, aud, scope, iat, exp } = part(claims);
    const now = seconds();
    const isTimely =
      typeof iat === 'number' &&
      typeof exp === 'number' &&
      iat < now + 60 &&
      exp > now &&
      exp - iat <= 3600;
    if (!isTimely) {
      throw refusedGrant(
        'invalid_grant',
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.',
      );
    }
    if (iss !== email) throw refusedGrant('invalid_grant', 'Invalid grant: account not found');
    if (aud !== audience) throw refusedGrant('invalid_grant', 'Invalid JWT: audience');
    if (typeof scope !== 'string' || !scope.includes('/auth/devstorage'))
      throw refusedGrant('invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
    return this.#grant();
  }

  /** `POST /sts`: a token of another provider for an access token. */
  exchange(call: Call): Answer {
    const form = new URLSearchParams(call.body.toString('utf8'));
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange')
      throw refusedGrant('unsupported_grant_type', 'Invalid grant_type');
    if (form.get('subject_token') !== federatedSubject)
      throw refusedGrant('invalid_grant', 'The subject token is not valid.');
    return this.#grant({ issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
  }

  /** `GET /authid`: the handler that gives tokens to Duplicati's users. */
  refresh(call: Call): Answer {
    if (call.header('x-authid') !== knownAuthId) return { status: 403, body: 'Unknown AuthID' };
    return this.#grant({ expires: '3599' });
  }

  #grant(more: Readonly<Record<string, string>> = {}): Answer {
    this.#simulator.count('tokens');
    const token = `ya29.${randomBytes(24).toString('base64url')}`;
    const { tokenLife = 3599 } = this.#simulator.control;
    this.#tokens.set(token, seconds() + tokenLife);
    return {
      status: 200,
      body: { access_token: token, expires_in: tokenLife, token_type: 'Bearer', ...more },
    };
  }

  /** Throws for a request of the JSON interface that nobody may make. */
  checkToken(call: Call): void {
    if (this.#simulator.control.expireTokens === true) {
      this.#simulator.control.expireTokens = false;
      this.#tokens.clear();
    }
    const token = /^Bearer (.+)$/u.exec(call.header('authorization'))?.[1] ?? '';
    if ((this.#tokens.get(token) ?? 0) > seconds()) return;
    throw new GcsProblem(401, 'authError', 'AuthenticationRequired', 'Invalid Credentials');
  }

  /** Throws for a request of the XML interface whose signature is not that of the key. */
  checkSignature(call: Call): void {
    const said =
      /^GOOG4-HMAC-SHA256 Credential=([^/]+)\/([0-9]{8}\/[a-z0-9-]+\/storage\/goog4_request), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/u.exec(
        call.header('authorization'),
      );
    if (said === null)
      throw new GcsProblem(401, 'authError', 'AuthenticationRequired', 'Authentication required.');
    const [, id, place = '', names = '', signature] = said;
    const time = call.header('x-goog-date');
    const moment =
      Date.parse(time.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/u, '$1-$2-$3:$4:$5')) / 1000;
    if (!(Math.abs(moment - seconds()) <= 15 * 60))
      throw new GcsProblem(
        403,
        'forbidden',
        'RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.',
      );
    const canonical = [
      call.method,
      call.url.pathname,
      call.url.search.slice(1).split('&').toSorted().join('&'),
      ...names.split(';').map((name) => `${name}:${call.header(name)}`),
      '',
      names,
      call.header('x-goog-content-sha256'),
    ].join('\n');
    const key = place
      .split('/')
      .reduce<Buffer>(
        (above, text) => createHmac('sha256', above).update(text).digest(),
        Buffer.from(`GOOG4${interoperabilityKey.secret}`),
      );
    const digest = createHash('sha256').update(canonical).digest('hex');
    const expected = createHmac('sha256', key)
      .update(`GOOG4-HMAC-SHA256\n${time}\n${place}\n${digest}`)
      .digest('hex');
    const signed = names.split(';');
    const isComplete = ownHeaders.every(
      (name) => call.header(name) === '' || signed.includes(name),
    );
    if (id === interoperabilityKey.id && isComplete && expected === signature) return;
    throw new GcsProblem(403, 'forbidden', 'SignatureDoesNotMatch', 'Access denied.');
  }
}

function part(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Readonly<
      Record<string, unknown>
    >;
  } catch {
    throw refusedGrant('invalid_grant', 'Invalid JWT');
  }
}

function refusedGrant(error: string, description: string): Refusal {
  return new Refusal({ status: 400, body: { error, error_description: description } });
}

function seconds(): number {
  return Date.parse(new Date().toISOString()) / 1000;
}
