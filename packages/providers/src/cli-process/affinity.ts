/** Conversations remembered; the oldest makes room. */
const most = 2000;

/**
 * Which account a conversation was with: a vendor's prompt cache is one account's, so that a conversation goes on there even when its
 * process is gone.
 */
export function createAffinity() {
  const accounts = new Map<string, string>();
  return {
    get: (conversation: string) => accounts.get(conversation),
    remember(conversation: string, account: string): void {
      accounts.delete(conversation);
      accounts.set(conversation, account);
      if (accounts.size > most) accounts.delete(accounts.keys().next().value!);
    },
  };
}
