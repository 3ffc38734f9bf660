import { createHmac } from 'node:crypto';

/**
 * The signature of a request: `t=<seconds since 1970>,v1=<HMAC-SHA256 in hex>`, over the seconds, a full stop and the body. Whoever receives it computes the
 * same with the shared secret, compares in constant time, and takes nothing that is older than a few minutes.
 */
export function signatureOf(secret: string, seconds: number, body: string): string {
  const code = createHmac('sha256', secret)
    .update(`${String(seconds)}.${body}`)
    .digest('hex');
  return `t=${String(seconds)},v1=${code}`;
}
