"""Where the views hang."""

from django.urls import URLPattern, URLResolver, path

from desk.api import cash, market, orders

urlpatterns: list[URLPattern | URLResolver] = [
    path("instruments", market.Instruments.as_view()),
    path("instruments/<str:instrument_id>/halt", market.Halt.as_view()),
    path("instruments/<str:instrument_id>/reopen", market.Reopen.as_view()),
    path("instruments/<str:instrument_id>/stock", market.Stock.as_view()),
    path("instruments/<str:instrument_id>/sell-stock", market.SellStock.as_view()),
    path("prices", market.Prices.as_view()),
    path("quotes", market.Quotes.as_view()),
    path("orders", orders.Orders.as_view()),
    path("orders/<str:order_id>", orders.OneOrder.as_view()),
    path("orders/<str:order_id>/cancel", orders.CancelOrder.as_view()),
    path("order-lists", orders.OrderLists.as_view()),
    path("fills", orders.Fills.as_view()),
    path("fills/<str:fill_id>", orders.OneFill.as_view()),
    path("fills/<str:fill_id>/propose-bust", orders.ProposeBust.as_view()),
    path("positions", orders.Positions.as_view()),
    path("deposits", cash.Deposits.as_view()),
    path("withdrawals", cash.Withdrawals.as_view()),
    path("withdrawals/preview", cash.PreviewWithdrawal.as_view()),
    path("withdrawals/<str:withdrawal_id>", cash.OneWithdrawal.as_view()),
    path("withdrawals/<str:withdrawal_id>/approve", cash.ApproveWithdrawal.as_view()),
    path("withdrawals/<str:withdrawal_id>/refuse", cash.RefuseWithdrawal.as_view()),
]
