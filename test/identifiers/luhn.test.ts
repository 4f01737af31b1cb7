import { describe, expect, it } from 'vitest';
import { checkLuhn, luhnCheckDigit } from '../../src/identifiers/luhn.ts';

const number = { rule: 'rule', name: 'number', at: '/number' };

describe('the Luhn formula', () => {
  it.each([
    ['7992739871', 3],
    ['18751275', 1],
    ['35600000', 0],
    ['9970007506', 4],
    ['', 0],
    ['0', 0],
  ])('completes %s with %i', (body, digit) => {
    expect(luhnCheckDigit(body)).toBe(digit);
  });

  it('finds every single wrong digit and every swap of neighbours but of 0 and 9', () => {
    const right = '18751275100020';
    expect(checkLuhn(right, number)).toEqual([]);
    for (let index = 0; index < right.length; index += 1) {
      const digit = Number(right[index]);
      const wrong = `${right.slice(0, index)}${(digit + 1) % 10}${right.slice(index + 1)}`;
      expect(checkLuhn(wrong, number)).toHaveLength(1);
      const [a = '', b = ''] = right.slice(index, index + 2);
      if (a === b || b === '' || a + b === '09' || a + b === '90') continue;
      expect(checkLuhn(`${right.slice(0, index)}${b}${a}${right.slice(index + 2)}`, number)).toHaveLength(1);
    }
  });
});
