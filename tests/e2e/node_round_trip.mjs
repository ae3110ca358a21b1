// A service in Node (@grpc/grpc-js, protos loaded at run time) logs in,
// validates and logs out.
//
// usage: node node_round_trip.mjs PROTO_DIR NODE_MODULES ADDRESS ACCOUNT
// The password comes on standard input. Prints one line of JSON.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const [protoDir, nodeModules, address, account] = process.argv.slice(2);
const require = createRequire(nodeModules + '/');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync('latchkey/v1/auth.proto', {
  includeDirs: [protoDir],
  keepCase: true,
  enums: String,
  longs: Number,
  defaults: true,
});
const {AuthService} = grpc.loadPackageDefinition(definition).latchkey.v1;
const client =
    new AuthService(address, grpc.credentials.createInsecure(),
                    {'grpc.enable_http_proxy': 0});

function call(method, request) {
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + 60_000);
    client[method](request, {deadline}, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

const password = readFileSync(0, 'utf8');
const secrets = [];
const forms = {};
for (const credential_format
         of ['CREDENTIAL_FORMAT_OPAQUE', 'CREDENTIAL_FORMAT_JWT']) {
  const login =
      await call('Login', {account, password, credential_format});
  secrets.push(login.credential);
  const alive = await call('Validate', {credential: login.credential});
  assert.equal(alive.active, true);
  assert.equal(alive.session.name, login.session.name);
  const logout = await call('Logout', {credential: login.credential});
  assert.equal(logout.ended_count, 1);
  const ended = await call('Validate', {credential: login.credential});
  assert.equal(ended.active, false);
  assert.equal(ended.session, null);
  forms[credential_format] = login.session.account;
}

const refused = await call('Login', {account, password: 'wrong'})
                    .then(() => assert.fail('a wrong password logged in'),
                          (error) => error);
assert.equal(refused.code, grpc.status.UNAUTHENTICATED);
const details = refused.metadata.get('grpc-status-details-bin');
assert.match(details[0].toString('latin1'), /LOGIN_REFUSED/);

client.close();
console.log(JSON.stringify({forms, secrets}));
