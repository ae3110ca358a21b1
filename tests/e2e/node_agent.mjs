// A service in Node (@grpc/grpc-js, protos loaded at run time) asks an agent on
// its Unix socket.
//
// usage: node node_agent.mjs PROTO_DIR NODE_MODULES ADDRESS
// The credential comes on standard input. Prints one line of JSON.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const [protoDir, nodeModules, address] = process.argv.slice(2);
const require = createRequire(nodeModules + '/');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync('latchkey/v1/auth.proto', {
  includeDirs: [protoDir],
  keepCase: true,
  defaults: true,
});
const {AuthService} = grpc.loadPackageDefinition(definition).latchkey.v1;
const client = new AuthService(address, grpc.credentials.createInsecure());

function validate(credential) {
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + 60_000);
    client.Validate({credential}, {deadline}, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

const credential = readFileSync(0, 'utf8');
await validate(credential);
const answer = await validate(credential);
assert.equal(answer.active, true);
assert.equal((await validate('no credential')).active, false);
client.close();
const {name, roles} = answer.session;
console.log(JSON.stringify({name, roles}));
