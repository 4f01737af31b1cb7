// The people of the demo, all of them invented: who has a card, and for whom certificates are ordered.

/** A midwife with an RPPS number of the test register; she is the technical administrator, too. */
export const MIDWIFE = {
  idNatPs: '899700075064',
  profession: 50,
  familyName: 'DEMONSTRATION',
  givenName: 'Camille',
  email: 'camille.demonstration@ch-demonstration.fr',
};

/** A speech therapist who is known by an ADELI number, of a department that there is not. */
export const SPEECH_THERAPIST = {
  idNatPs: '00B9100019',
  profession: 91,
  familyName: 'SPECIMEN',
  givenName: 'Maxime',
  email: 'maxime.specimen@ch-demonstration.fr',
};

/** Someone of the hospital's staff, by their entry in its registry. */
export const EMPLOYEE = {
  registryNumber: 'CPET0002',
  familyName: 'ESSAI',
  givenName: 'Dominique',
  email: 'dominique.essai@ch-demonstration.fr',
};
