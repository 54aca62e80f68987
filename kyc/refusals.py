"""What refuses what is entered of a client, in words: one sentence a code. Pure.

In braces, the facts that it was judged on.
"""

WORDS = {
    # What is wrong with an application, a paper or an account.
    "BIRTH_DATE_INVALID": "The birth date is before 1900 or in the future.",
    "CLIENT_UNDER_AGE": "The person is not of full age.",
    "COUNTRY_INVALID": "A country is two capital letters, by ISO 3166.",
    "DOCUMENT_NOT_OF_COUNTRY": "A citizen of Russia shows the internal passport; anybody else,"
    " their own state's.",
    "INN_REQUIRED": "A citizen of Russia has to give the INN.",
    "INN_INVALID": "This is no INN: the digits, or the check digits, are wrong.",
    "SNILS_INVALID": "This is no SNILS: the digits, or the check digits, are wrong.",
    "OGRN_INVALID": "This is no OGRN (or OGRNIP): the digits, or the check digit, are wrong.",
    "PASSPORT_NUMBER_INVALID": "No passport of this kind has such a number.",
    "DEPARTMENT_CODE_INVALID": "A department's code is like 770-001.",
    "ISSUE_DATE_INVALID": "The issue date is in the future, or before the holder could have such a"
    " passport.",
    "DOCUMENT_EXPIRED": "The passport has expired, or its last day is not given.",
    "MRZ_MALFORMED": "The machine-readable zone is two lines of 44 characters, the first beginning"
    " with P.",
    "MRZ_CHECK_DIGIT": "A check digit of the machine-readable zone is wrong.",
    "MRZ_DISAGREES": "The machine-readable zone says another number, date or department than the"
    " application.",
    "SHARES_INVALID": "Shares are above 0 %, and come to no more than 100 % together.",
    "OWNERS_UNDISCLOSED": "The named shares leave room for another owner who has to be named.",
    "BIC_INVALID": "A BIC is nine digits, of a bank in Russia.",
    "ACCOUNT_NUMBER_INVALID": "A rouble account has 20 digits, 810 from the sixth on, and the key"
    " that the BIC gives it.",
    # What else refuses it.
    "ACCOUNT_TAKEN": "The account is on file already.",
    "ANSWERS_INCOMPLETE": "Each question has to be answered.",
    "CATEGORY_FIXED": "The client is qualified already, or an entity.",
    "CLIENT_EXISTS": "The bank has a client with one of these numbers.",
    "DOCUMENT_NOT_NEEDED": "An entity has no passport.",
    "NOT_FOUND": "The bank has none of that id.",
    "POOL_TOO_SMALL": "The pool has fewer questions than the rulebook asks for.",
    "QUALIFICATION_SHORT": "Too little is shown: {shown_rub:,.2f} roubles, and the law asks for"
    " {required_rub:,.2f}.",
    "RULE_UNKNOWN": "The rulebook says nothing of {parameter} on {on}.",
    "STATUS_CONFLICT": "Its status does not allow that, or no longer.",
    "TEST_NOT_NEEDED": "An entity sits no test.",
    "TEST_PASSED": "The client has passed the test already.",
    "USER_HAS_CLIENT": "The log-in has a client already.",
    "USER_UNKNOWN": "The bank has no client's log-in of that id.",
}
