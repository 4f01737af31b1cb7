// Table TRE_G15 (professions): the label of each code, verbatim, as it stands in the title of a subject. The code itself
// stands in the private extension 1.2.250.1.71.1.2.7.

/** Profession code → label. */
export const PROFESSIONS: ReadonlyMap<number, string> = new Map([
  [10, 'Médecin'],
  [21, 'Pharmacien'],
  [26, 'Audioprothésiste'],
  [28, 'Opticien-Lunetier'],
  [31, 'Assistant dentaire'],
  [32, 'Physicien médical'],
  [35, 'Aide-soignant'],
  [36, 'Ambulancier'],
  [37, 'Auxiliaire de puériculture'],
  [38, 'Préparateur en pharmacie hospitalière'],
  [39, 'Préparateur en pharmacie (officine)'],
  [40, 'Chirurgien-Dentiste'],
  [50, 'Sage-Femme'],
  [60, 'Infirmier'],
  [69, 'Infirmier psychiatrique'],
  [70, 'Masseur-Kinésithérapeute'],
  [80, 'Pédicure-Podologue'],
  [81, 'Orthoprothésiste'],
  [82, 'Podo-Orthésiste'],
  [83, 'Orthopédiste-Orthésiste'],
  [84, 'Oculariste'],
  [85, 'Epithésiste'],
  [86, 'Technicien de labo médical'],
  [91, 'Orthophoniste'],
  [92, 'Orthoptiste'],
  [94, 'Ergothérapeute'],
  [95, 'Diététicien'],
  [96, 'Psychomotricien'],
  [98, 'Manipulateur ERM'],
]);

/** Table TRE_G16 (professions in training): the codes of those whose students may have a card. */
export const IN_TRAINING: ReadonlySet<number> = new Set([10, 21, 40, 50]);
