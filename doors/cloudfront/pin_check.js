// CloudFront connection function (runtime cloudfront-js-2.0): lets in the leaves that the associated key value store pins.
// docs/decisions/0034-cloudfront-pins.md says where each fact about the service comes from, and what must be set besides.
import cf from 'cloudfront';

// The sources of the watch file that this distribution serves, such as ['use1']. Empty: every source in the store.
const SOURCES = [];

const COLONS = /^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$/;
const HEX = /^[0-9A-Fa-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+\/_-]{43}=?$/;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const LONGEST = 95;
const SOURCE = /^[a-z0-9][a-z0-9-]{0,62}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

async function connectionHandler(connection) {
    let verdict = { reason: 'internal-error', fingerprint: '', source: '' };
    try {
        verdict = await judge(connection);
    } catch (error) {
        // Nobody gets in by making this function fail.
    }
    const admitted = verdict.reason === 'pinned';
    log(connection, (admitted ? 'allow ' : 'deny ') + verdict.reason
        + (verdict.fingerprint ? ' sha256=' + verdict.fingerprint : '')
        + (verdict.source ? ' source=' + verdict.source : ''));
    return admitted ? connection.allow() : connection.deny();
}

async function judge(connection) {
    const verdict = { reason: 'no-certificate', fingerprint: '', source: '' };
    const presented = connection.clientCertificate;
    const leaf = presented && presented.certificates && presented.certificates.leaf;
    verdict.fingerprint = fingerprintOf(leaf && leaf.sha256Fingerprint);
    if (!verdict.fingerprint) {
        return verdict;
    }
    // A function that allows overrides what OCSP said, so it must heed it.
    const objection = ocspObjection(presented.revocationStatus);
    if (objection) {
        verdict.reason = objection;
        return verdict;
    }
    let sources = null;
    try {
        sources = await pinnedFor(verdict.fingerprint);
    } catch (error) {
        verdict.reason = 'pins-unreadable';
        return verdict;
    }
    verdict.reason = 'not-pinned';
    const names = Object.keys(sources);
    for (let i = 0; i < names.length; i++) {
        if (SOURCES.length > 0 && SOURCES.indexOf(names[i]) < 0) {
            continue;
        }
        verdict.source = names[i];
        if (Date.now() < sources[names[i]]) {
            verdict.reason = 'pinned';
            return verdict;
        }
        verdict.reason = 'expired-pin';
    }
    return verdict;
}

// The sources for which a leaf is pinned, each with its end in milliseconds. Empty where it is not; throws if the store
// or its value cannot be read. get() alone would not tell a missing key from a failing store: it throws for both.
async function pinnedFor(fingerprint) {
    const store = cf.kvs();
    if (await store.exists(fingerprint) !== true) {
        return {};
    }
    const value = JSON.parse(await store.get(fingerprint));
    const named = value.sources;
    if (typeof value.bundle !== 'string' || typeof named !== 'object' || Array.isArray(named)) {
        throw new Error('no pin');
    }
    const ends = {};
    const names = Object.keys(named);
    for (let i = 0; i < names.length; i++) {
        const text = named[names[i]];
        const end = typeof text === 'string' && INSTANT.test(text) ? Date.parse(text) : NaN;
        if (!SOURCE.test(names[i]) || isNaN(end)) {
            throw new Error('no pin');
        }
        ends[names[i]] = end;
    }
    return ends;
}

// Lower-case hex, or '' for what is no SHA-256. The service's documents show it as base64url and as hex with colons.
function fingerprintOf(text) {
    if (typeof text !== 'string' || text.length > LONGEST) {
        return '';
    }
    if (COLONS.test(text) || HEX.test(text)) {
        return text.split(':').join('').toLowerCase();
    }
    return BASE64.test(text) ? hexOfBase64(text) : '';
}

function hexOfBase64(text) {
    let hex = '';
    let bits = 0;
    let held = 0;
    for (let i = 0; i < 43; i++) {
        const digit = text.charAt(i).replace('-', '+').replace('_', '/');
        bits = bits * 64 + DIGITS.indexOf(digit);
        held += 6;
        while (held >= 4) {
            const rest = Math.pow(2, held - 4);
            hex += Math.floor(bits / rest).toString(16);
            bits = bits % rest;
            held -= 4;
        }
    }
    return bits === 0 ? hex : '';
}

// '' where OCSP is off or content with the leaf and every CA above it.
function ocspObjection(status) {
    if (!status || Object.keys(status).length === 0) {
        return '';
    }
    const about = status.certificates || {};
    const each = [about.leaf || {}].concat(about.intermediates || []);
    let unknown = status.chainValidity !== 'Valid';
    for (let i = 0; i < each.length; i++) {
        if (each[i].status === 'Revoked') {
            return 'revoked';
        }
        unknown = unknown || each[i].status !== 'Good';
    }
    if (status.chainValidity === 'Invalid') {
        return 'revoked';
    }
    return unknown ? 'revocation-unknown' : '';
}

// Fixed words, hex and ids alone: nothing that a client chose. A log that fails changes no verdict.
function log(connection, line) {
    try {
        console.log(line);
        connection.logCustomData(line);
    } catch (error) {
        return;
    }
}
