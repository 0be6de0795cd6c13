// Checks the bundles in a folder with @sigstore/verify, and that it refuses them over other content.
// Run in a folder with node_modules: node bundles.js FOLDER
const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const { createRequire } = require('node:module');

const installed = createRequire(path.join(process.cwd(), 'package.json'));
const { bundleFromJSON } = installed('@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = installed('@sigstore/verify');

const folder = process.argv[2];
const read = (name) => fs.readFileSync(path.join(folder, name));
const evidence = process.argv[3] || 'e.json';
const key = process.argv[4] || 'key.pub';

const root = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const finder = () => ({ publicKey: crypto.createPublicKey(read(key)), validFor: () => true });
const verifier = new Verifier(toTrustMaterial(root, finder), { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0, tsaThreshold: 0 });

function accepts(bundle, content) {
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(read(bundle))), content));
    return true;
  } catch (error) {
    return error.message;
  }
}

function expect(what, holds) {
  if (holds !== true) {
    console.error(`${what}: ${holds}`);
    process.exit(1);
  }
  console.log(what);
}

const content = read(evidence);
const changed = Buffer.from(content);
changed[0] ^= 1;
expect('the bundle is accepted', accepts(`${evidence}.sigstore.json`, content));
expect('other content is refused', accepts(`${evidence}.sigstore.json`, changed) !== true);
expect('the statement is accepted', accepts(`${evidence}.intoto.sigstore.json`));
