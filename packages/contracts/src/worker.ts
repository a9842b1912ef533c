/** A token that lets a worker connect under a name. The secret itself is never stored, only its HMAC. */
export type WorkerToken = {
  readonly id: string;
  /** The worker's name: providers ask for their requests' workers by it. */
  readonly worker: string;
  /** First characters of the secret, to recognise it by. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
};
