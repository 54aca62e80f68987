-- A client's row is updated at every purchase: room on its page keeps the indexes out of it.
ALTER TABLE kyc_client SET (fillfactor = 60);
