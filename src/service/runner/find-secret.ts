import type { Secret } from '../../base/secret.ts';
import { resolveSecret, type SecretContext } from '../../configuration/resolve-secret.ts';
import type { SecretMask } from '../program/mask-secrets.ts';
import type { StepContext } from './step-context.ts';

/** Names of options and variables whose values are secret, also where they are written out in a configuration. */
const secretName = /pass|secret|key|token|credential|sas|sign|connection|auth/iu;

/** Makes `StepContext.secret`. */
export function secretFinder(where: SecretContext, mask: SecretMask): StepContext['secret'] {
  return async (value, what, { masked = 'all', name = '', ...options } = {}) => {
    const secret: Secret = await resolveSecret(value, where, what, options);
    const isSecret =
      masked === 'all' ||
      (masked === 'named' && (typeof value !== 'string' || secretName.test(name)));
    if (isSecret) mask.add(secret);
    else mask.addAddress(secret);
    return secret;
  };
}
