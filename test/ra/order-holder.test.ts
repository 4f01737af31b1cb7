import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { holderOf, type OrderHolder, placedInOrder, refuseOtherHolder } from '../../src/ra/order-holder.ts';
import { profileOf } from '../policy/policies.ts';

const HOSPITAL = { structIdNat: '10B0057881', name: 'HOPITAL GENERIQUE TEST', department: '75' };
const structure: OrderHolder = { structure: HOSPITAL.structIdNat };
const employee: OrderHolder = {
  ...structure,
  employee: { registryNumber: 'CPET0002', familyName: 'MARTIN', givenName: 'Paul', email: 'paul.martin@exemple.fr' },
};
const professional: OrderHolder = {
  ...structure,
  professional: { idNatPs: '899700075064', familyName: 'DURAND', givenName: 'Anne', profession: 10 },
};

const orderable = (holder: 'structure' | 'employee' | 'professional') => ({
  ...profileOf('serv-ssl'),
  holder,
  issuedBy: 'order' as const,
});

/** Where the holder of an order does not fit. */
function placesOf(act: () => void): (string | undefined)[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).toBe('holder_invalid');
    return error.findings.map(({ at }) => at);
  }
}

describe('the holder of an order is of the kind that the profile is for', () => {
  it.each([
    ['structure', 'a structure', structure, []],
    ['structure', 'an employee', employee, ['/holder/employee']],
    ['structure', 'a professional', professional, ['/holder/professional']],
    ['employee', 'an employee', employee, []],
    ['employee', 'a structure', structure, ['/holder/employee']],
    ['employee', 'a professional', professional, ['/holder/employee', '/holder/professional']],
    ['employee', 'both', { ...employee, ...professional }, ['/holder/professional']],
    ['professional', 'a professional', professional, []],
    ['professional', 'a structure', structure, ['/holder/professional']],
    ['professional', 'an employee', employee, ['/holder/employee', '/holder/professional']],
  ] as const)('a profile for a %s, an order for %s', (kind, _, holder, places) => {
    expect(placesOf(() => refuseOtherHolder(orderable(kind), holder))).toEqual(places);
  });

  it('which is nothing to say where there is no profile, or none that can be ordered', () => {
    expect(placesOf(() => refuseOtherHolder(undefined, employee))).toEqual([]);
    expect(placesOf(() => refuseOtherHolder(profileOf('cps-auth'), structure))).toEqual([]);
  });
});

describe('the holder for the policy', () => {
  it('has the structure as its row says it, and the person as the order does', () => {
    expect(holderOf(structure, HOSPITAL)).toEqual({ kind: 'structure', ...HOSPITAL });
    expect(holderOf(employee, HOSPITAL)).toEqual({ kind: 'employee', structure: HOSPITAL, ...employee.employee });
    expect(holderOf(professional, HOSPITAL)).toEqual({ kind: 'professional', ...professional.professional });
  });

  it.each([
    [structure, '/holder/structIdNat', '/holder/structure'],
    [structure, '/holder/name', '/holder/structure'],
    [employee, '/holder/structure/structIdNat', '/holder/structure'],
    [employee, '/holder/registryNumber', '/holder/employee/registryNumber'],
    [professional, '/holder/idNatPs', '/holder/professional/idNatPs'],
    [professional, '/names/commonName', '/names/commonName'],
    [professional, 'csr.subjectPublicKeyInfo @ 12', 'csr.subjectPublicKeyInfo @ 12'],
    [professional, undefined, undefined],
  ])('is refused at the place where the order says it', async (order, at, placed) => {
    const finding = { rule: 'r', detail: 'd', ...(at === undefined ? {} : { at }) };
    const refused = placedInOrder(holderOf(order, HOSPITAL), () =>
      Promise.reject(new Refusal('identifier_invalid', 'no', [finding])),
    );
    const expected = { rule: 'r', detail: 'd', ...(placed === undefined ? {} : { at: placed }) };
    await expect(refused).rejects.toMatchObject({ code: 'identifier_invalid', message: 'no', findings: [expected] });
  });

  it('is no matter of an outage', async () => {
    const failure = new TypeError('a bug');
    await expect(placedInOrder(holderOf(structure, HOSPITAL), () => Promise.reject(failure))).rejects.toBe(failure);
  });
});
