import { join } from 'node:path';
import type { CodingAgentName } from '../model/config.ts';

/**
 * The file that a login of this account changes, where it is known; it is looked at for the time of its change, never read.
 * Where logins are kept in a keychain there is none, and a person says `profiles resume`.
 */
export function loginFile(
  agent: CodingAgentName,
  { config_dir, home }: { readonly config_dir?: string; readonly home: string },
): string | undefined {
  switch (agent) {
    case 'claude':
      return join(config_dir ?? join(home, '.claude'), '.credentials.json');
    case 'codex':
      return join(config_dir ?? join(home, '.codex'), 'auth.json');
    case 'gemini':
      return config_dir === undefined ? join(home, '.gemini', 'oauth_creds.json') : undefined;
  }
}
