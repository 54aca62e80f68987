"""The books as an accountant reads them: what happened, what was posted, how the accounts stand.

`Dr` and `Cr` stand before the account. A balance is shown on its line's normal side, and those that
are not shown are zero. After each posting debit equals credit in every asset.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.ledger.books import DAY, Books
from tests.ledger.story import Story

pytestmark = pytest.mark.usefixtures("proven")

NEXT_DAY = DAY + timedelta(days=1)

CAPITAL = """
    capital
    Dr  Own nostro                        5,000,000.00 RUB
        Cr  Capital                       5,000,000.00 RUB
"""
PURCHASE_ON_THE_VENUE = """
    venue purchase
    Dr  Own custody                         1.00000000 BTC
        Cr  Position in coins (inventory)   1.00000000 BTC
    Dr  Position in money                 2,900,000.00 RUB
        Cr  Own nostro                    2,900,000.00 RUB
"""
DEPOSIT = """
    deposit
    Dr  Segregated nostro                   100,000.00 RUB
        Cr  Client cash, Anna               100,000.00 RUB
"""
PURCHASE = """
    purchase
    Dr  Client cash, Anna                    30,150.00 RUB
        Cr  Position in money                30,000.00 RUB
        Cr  Fee income                          150.00 RUB
    Dr  Position in coins (inventory)       0.01000000 BTC
        Cr  Client crypto, Anna             0.01000000 BTC
"""
SALE = """
    sale
    Dr  Client crypto, Anna                 0.00400000 BTC
        Cr  Position in coins (inventory)   0.00400000 BTC
    Dr  Position in money                    12,400.00 RUB
        Cr  Client cash, Anna                12,338.00 RUB
        Cr  Fee income                           62.00 RUB
"""
FIRST_SWEEP = """
    Dr  Segregated custody                  0.01000000 BTC
        Cr  Own custody                     0.01000000 BTC
    Dr  Own nostro                           30,150.00 RUB
        Cr  Segregated nostro                30,150.00 RUB
"""
FIRST_DAY = (CAPITAL, PURCHASE_ON_THE_VENUE, DEPOSIT, PURCHASE)


@pytest.fixture
def story(books: Books) -> Story:
    return Story(books)


def test_a_deposit_is_owed_to_the_client(story: Story) -> None:
    """Anna pays in 100,000 roubles.

    They lie on the segregated account and the bank owes them to her: nothing of it is the bank's.
    """
    story.post(DEPOSIT)

    story.stands("""
        Segregated nostro                   100,000.00 RUB
        Client cash, Anna                   100,000.00 RUB
    """)
    story.nothing_is_due()


def test_a_coin_is_bought_and_a_hundredth_of_it_sold(story: Story) -> None:
    """The desk buys 1 BTC on the venue at 2,900,000; Anna buys 0.01 BTC at 3,000,000, fee 150.

    Until the sweep the segregated nostro holds 30,150 roubles that are the bank's, and the
    segregated custody lacks the 0.01 BTC that are Anna's. After it each is where it belongs.
    """
    for entry in FIRST_DAY:
        story.post(entry)

    story.stands("""
        Segregated nostro                   100,000.00 RUB
        Own nostro                        2,100,000.00 RUB
        Own custody                         1.00000000 BTC
        Client cash, Anna                    69,850.00 RUB
        Client crypto, Anna                 0.01000000 BTC
        Capital                           5,000,000.00 RUB
        Position in coins (inventory)       0.99000000 BTC
        Position in money                -2,870,000.00 RUB
        Fee income                              150.00 RUB
    """)
    story.due("-30,150.00 RUB", "0.01 BTC")

    story.sweep(FIRST_SWEEP)
    story.stands("""
        Segregated nostro                    69,850.00 RUB
        Own nostro                        2,130,150.00 RUB
        Segregated custody                  0.01000000 BTC
        Own custody                         0.99000000 BTC
        Client cash, Anna                    69,850.00 RUB
        Client crypto, Anna                 0.01000000 BTC
        Capital                           5,000,000.00 RUB
        Position in coins (inventory)       0.99000000 BTC
        Position in money                -2,870,000.00 RUB
        Fee income                              150.00 RUB
    """)
    story.nothing_is_due()


def test_the_profit_is_the_positions_revalued_and_the_fees(story: Story) -> None:
    """The same day, with 1 BTC at 3,000,000 in the evening: the bank has earned 100,150 roubles.

    100,000 on the coin (1,000 realised, 99,000 not) and 150 of fees. What it owns grew by that.
    """
    for entry in FIRST_DAY:
        story.post(entry)
    story.sweep(FIRST_SWEEP)

    price = Decimal("3000000")
    balance = story.books.balance
    coins, roubles = balance("position"), balance("currency_position")
    profit = coins * price + roubles + balance("fees") - balance("expense")
    own = balance("own_nostro") + balance("own_custody") * price

    assert profit == Decimal("100150.00")
    assert own == balance("capital") + profit


def test_a_sale_pays_the_client_less_the_fee(story: Story) -> None:
    """Anna sells 0.004 BTC of her hundredth at 3,100,000, fee 62: she is paid 12,338 roubles.

    The sweep brings the roubles over to the clients' side and the coins back to the bank's.
    """
    for entry in FIRST_DAY:
        story.post(entry)
    story.sweep(FIRST_SWEEP)

    story.post(SALE)

    story.due("12,338.00 RUB", "-0.004 BTC")
    story.sweep("""
        Dr  Own custody                     0.00400000 BTC
            Cr  Segregated custody          0.00400000 BTC
        Dr  Segregated nostro                12,338.00 RUB
            Cr  Own nostro                   12,338.00 RUB
    """)
    story.stands("""
        Segregated nostro                    82,188.00 RUB
        Own nostro                        2,117,812.00 RUB
        Segregated custody                  0.00600000 BTC
        Own custody                         0.99400000 BTC
        Client cash, Anna                    82,188.00 RUB
        Client crypto, Anna                 0.00600000 BTC
        Capital                           5,000,000.00 RUB
        Position in coins (inventory)       0.99400000 BTC
        Position in money                -2,882,400.00 RUB
        Fee income                              212.00 RUB
    """)
    story.nothing_is_due()


def test_a_withdrawal_leaves_the_tax_behind(story: Story) -> None:
    """Anna withdraws 50,000 roubles; on a gain of 10,000 the bank withholds 13 %, that is 1,300.

    What is on its way to her, and what is the state's, is still other people's money: it stays on
    the segregated account until it leaves, and nothing is ever due from the bank's own.
    """
    story.post(DEPOSIT)

    story.post("""
        withdrawal
        Dr  Client cash, Anna                50,000.00 RUB
            Cr  Tax withheld, payable         1,300.00 RUB
            Cr  Payouts in flight            48,700.00 RUB
    """)
    story.stands("""
        Segregated nostro                   100,000.00 RUB
        Client cash, Anna                    50,000.00 RUB
        Tax withheld, payable                 1,300.00 RUB
        Payouts in flight                    48,700.00 RUB
    """)
    story.nothing_is_due()

    story.post("""
        payout
        Dr  Payouts in flight                48,700.00 RUB
            Cr  Segregated nostro            48,700.00 RUB
    """)
    story.stands("""
        Segregated nostro                    51,300.00 RUB
        Client cash, Anna                    50,000.00 RUB
        Tax withheld, payable                 1,300.00 RUB
    """)
    story.nothing_is_due()

    story.post("""
        tax remittance
        Dr  Tax withheld, payable             1,300.00 RUB
            Cr  Segregated nostro             1,300.00 RUB
    """)
    story.stands("""
        Segregated nostro                    50,000.00 RUB
        Client cash, Anna                    50,000.00 RUB
    """)
    story.nothing_is_due()


def test_each_day_closes_on_its_trial_balance(story: Story) -> None:
    """Anna buys on the first day and sells on the second; each evening the bank sweeps and closes.

    The turnovers are the day's own, the balances go on from day to day.
    """
    for entry in FIRST_DAY:
        story.post(entry)
    story.books.close(DAY)
    story.nothing_is_due()
    first_evening = """
        2022-02-24                               debit          credit         balance
        Segregated nostro         RUB       100,000.00       30,150.00       69,850.00
        Own nostro                RUB     5,030,150.00    2,900,000.00    2,130,150.00
        Segregated custody        BTC       0.01000000            0.00      0.01000000
        Own custody               BTC       1.00000000      0.01000000      0.99000000
        Client cash               RUB        30,150.00      100,000.00       69,850.00
        Client crypto             BTC             0.00      0.01000000      0.01000000
        Capital                   RUB             0.00    5,000,000.00    5,000,000.00
        Position in coins (inventory)  BTC  0.01000000      1.00000000      0.99000000
        Position in money         RUB     2,900,000.00       30,000.00   -2,870,000.00
        Fee income                RUB             0.00          150.00          150.00
    """
    story.trial_balance(first_evening)

    story.post(SALE)
    story.books.close(NEXT_DAY)
    story.nothing_is_due()
    story.trial_balance("""
        2022-02-25                               debit          credit         balance
        Segregated nostro         RUB        12,338.00            0.00       82,188.00
        Own nostro                RUB             0.00       12,338.00    2,117,812.00
        Segregated custody        BTC             0.00      0.00400000      0.00600000
        Own custody               BTC       0.00400000            0.00      0.99400000
        Client cash               RUB             0.00       12,338.00       82,188.00
        Client crypto             BTC       0.00400000            0.00      0.00600000
        Capital                   RUB             0.00            0.00    5,000,000.00
        Position in coins (inventory)  BTC        0.00      0.00400000      0.99400000
        Position in money         RUB        12,400.00            0.00   -2,882,400.00
        Fee income                RUB             0.00           62.00          212.00
    """)
    story.trial_balance(first_evening)


def test_a_mistake_of_a_closed_day_is_reversed_in_the_open_one(story: Story) -> None:
    """Anna's deposit was booked to Boris. It is found the next day, when the first is closed.

    The first day stays as it was sealed. The second one takes the deposit back from Boris and
    books it to Anna, both with the value date of the day on which it came.
    """
    mistaken = story.post("""
        deposit
        Dr  Segregated nostro               100,000.00 RUB
            Cr  Client cash, Boris          100,000.00 RUB
    """)
    story.books.close(DAY)

    took_back = """
        Dr  Client cash, Boris              100,000.00 RUB
            Cr  Segregated nostro           100,000.00 RUB
    """
    reversal = story.reverse(mistaken, took_back)
    corrected = story.post(DEPOSIT, value_date=DAY)

    story.stands("""
        Segregated nostro                   100,000.00 RUB
        Client cash, Anna                   100,000.00 RUB
    """)
    story.trial_balance("""
        2022-02-24                               debit          credit         balance
        Segregated nostro         RUB       100,000.00            0.00      100,000.00
        Client cash               RUB             0.00      100,000.00      100,000.00
    """)
    assert story.days(reversal) == story.days(corrected) == (NEXT_DAY, DAY)
