/** The part of undici that is used, without the rest of the package, which takes twice as long to load. */
declare module 'undici/lib/dispatcher/client.js' {
  const Client: typeof import('undici').Client
  export = Client
}
